/*
 * What the bindings are made from: DPDK's headers, and our names for what DPDK has only
 * as macros and inline functions.
 */
#ifndef TANDEM_DPDK_SHIM_H
#define TANDEM_DPDK_SHIM_H

#include <stddef.h>

#include <rte_config.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_thash.h>
#include <rte_version.h>

/*
 * Where the fields of an mbuf lie. Constants instead of bindgen's nested anonymous
 * unions, whose names change with every release of DPDK.
 */
enum tandem_mbuf_layout {
	TANDEM_MBUF_BUF_ADDR = offsetof(struct rte_mbuf, buf_addr),
	TANDEM_MBUF_DATA_OFF = offsetof(struct rte_mbuf, data_off),
	TANDEM_MBUF_NB_SEGS = offsetof(struct rte_mbuf, nb_segs),
	TANDEM_MBUF_OL_FLAGS = offsetof(struct rte_mbuf, ol_flags),
	TANDEM_MBUF_PKT_LEN = offsetof(struct rte_mbuf, pkt_len),
	TANDEM_MBUF_DATA_LEN = offsetof(struct rte_mbuf, data_len),
	TANDEM_MBUF_BUF_LEN = offsetof(struct rte_mbuf, buf_len),
	TANDEM_MBUF_NEXT = offsetof(struct rte_mbuf, next),
	TANDEM_MBUF_RSS_HASH = offsetof(struct rte_mbuf, hash.rss),
	/* The last 16 bytes that DPDK leaves to dynamic fields; see tandem_reserve_tag. */
	TANDEM_MBUF_TAG = offsetof(struct rte_mbuf, dynfield1) +
			  sizeof(((struct rte_mbuf *)0)->dynfield1) - 16,
	TANDEM_MBUF_HEADROOM = RTE_PKTMBUF_HEADROOM,
};

/* What each end of a ring writes. */
enum tandem_ring_layout {
	TANDEM_RING_PRODUCER = offsetof(struct rte_ring, prod),
	TANDEM_RING_CONSUMER = offsetof(struct rte_ring, cons),
};

enum tandem_limits {
	TANDEM_MAX_ETHPORTS = RTE_MAX_ETHPORTS,
	TANDEM_MAX_LCORE = RTE_MAX_LCORE,
	TANDEM_RETA_GROUP = RTE_ETH_RETA_GROUP_SIZE,
	TANDEM_RING_SP_SC = RING_F_SP_ENQ | RING_F_SC_DEQ,
	TANDEM_ETHER_OVERHEAD = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN,
};

enum tandem_offloads {
	TANDEM_RX_IPV4_CHECKSUM = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM,
	TANDEM_RX_SCATTER = RTE_ETH_RX_OFFLOAD_SCATTER,
	TANDEM_TX_MULTI_SEGS = RTE_ETH_TX_OFFLOAD_MULTI_SEGS,
};

/* What a device tells by interrupts, in dev_flags. */
enum tandem_interrupts {
	TANDEM_INTERRUPT_LINK = RTE_ETH_DEV_INTR_LSC,
	TANDEM_INTERRUPT_REMOVAL = RTE_ETH_DEV_INTR_RMV,
};

/* What a device says of a packet's IP header, in ol_flags. */
enum tandem_ip_checksum {
	TANDEM_IP_CHECKSUM_MASK = RTE_MBUF_F_RX_IP_CKSUM_MASK,
	TANDEM_IP_CHECKSUM_GOOD = RTE_MBUF_F_RX_IP_CKSUM_GOOD,
};

/* What a device may hash of an IPv4 packet: numbers of bits, as bindgen has no constant that
 * takes all 64. */
enum tandem_rss_bits {
	TANDEM_RSS_IPV4 = __builtin_ctzll(RTE_ETH_RSS_IPV4),
	TANDEM_RSS_SOURCE_ONLY = __builtin_ctzll(RTE_ETH_RSS_L3_SRC_ONLY),
	TANDEM_RSS_DESTINATION_ONLY = __builtin_ctzll(RTE_ETH_RSS_L3_DST_ONLY),
};

/* errno of the last DPDK call of this thread. */
int tandem_errno(void);

/*
 * Has the sink, and nobody else, told what DPDK logs: in the thread that logs, while it
 * logs. To be called once, before EAL starts. Not 0: DPDK logs as before.
 */
typedef void (*tandem_log_sink)(int level, const char *text, size_t length);
int tandem_log_to(tandem_log_sink sink);

/*
 * Keeps the 16 bytes at TANDEM_MBUF_TAG from drivers and libraries, which place fields of
 * their own beside them. Call after rte_eal_init. Negative if a driver has them already.
 */
int tandem_reserve_tag(void);

/* 1 if the link is up, 0 if it is down or unknown; the speed in Mbit/s, 0 if unknown. */
int tandem_link(uint16_t port, uint32_t *speed);

/* The fast path of alloc and free is inline in DPDK: a per-core cache of the pool. */
/* A pool from which one thread takes, which may be preempted inside of it: nobody waits for it. */
struct rte_mempool *tandem_pool_of_one_taker(const char *name, unsigned int count, unsigned int cache,
					     uint16_t data_room, int socket);

struct rte_mbuf *tandem_mbuf_alloc(struct rte_mempool *pool);
void tandem_mbuf_free(struct rte_mbuf *mbuf);
void tandem_mbuf_free_bulk(struct rte_mbuf **mbufs, unsigned int count);
/* 0, or -1 when there is too little room. */
int tandem_mbuf_linearize(struct rte_mbuf *mbuf);
int tandem_mbuf_chain(struct rte_mbuf *head, struct rte_mbuf *tail);
/* Copies from all segments; 0, or -1 when the range is not in the packet. */
int tandem_mbuf_read(const struct rte_mbuf *mbuf, uint32_t offset, uint32_t length, void *to);

/* The Toeplitz hash of four bytes, with the first eight bytes of the key. */
uint32_t tandem_toeplitz(uint32_t input, const uint32_t key[2]);

unsigned int tandem_ring_enqueue(struct rte_ring *ring, void *const *objects, unsigned int count);
unsigned int tandem_ring_dequeue(struct rte_ring *ring, void **objects, unsigned int count);

#endif
