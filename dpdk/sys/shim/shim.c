/* For fopencookie. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "shim.h"

#include <stdio.h>
#include <string.h>

/*
 * Built as LLVM bitcode (make release), these become part of their callers, as DPDK's own
 * inline functions do in C; see docs/dpdk-cost.md.
 */
#ifdef __clang__
#define INLINE_ACROSS_LANGUAGES __attribute__((always_inline))
#else
#define INLINE_ACROSS_LANGUAGES
#endif

int tandem_errno(void)
{
	return rte_errno;
}

static tandem_log_sink log_sink;

static ssize_t write_log(void *cookie, const char *text, size_t length)
{
	(void)cookie;
	log_sink(rte_log_cur_msg_loglevel(), text, length);
	return length;
}

int tandem_log_to(tandem_log_sink sink)
{
	static const cookie_io_functions_t functions = { .write = write_log };
	FILE *stream = fopencookie(NULL, "w", functions);

	if (stream == NULL)
		return -1;
	log_sink = sink;
	return rte_openlog_stream(stream);
}

int tandem_reserve_tag(void)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "tandem_tag",
		.size = 16,
		.align = 4,
	};

	return rte_mbuf_dynfield_register_offset(&field, TANDEM_MBUF_TAG);
}

int tandem_link(uint16_t port, uint32_t *speed)
{
	struct rte_eth_link link;

	*speed = 0;
	memset(&link, 0, sizeof(link));
	if (rte_eth_link_get_nowait(port, &link) != 0)
		return 0;
	if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		*speed = link.link_speed;
	return link.link_status == RTE_ETH_LINK_UP;
}

uint32_t tandem_toeplitz(uint32_t input, const uint32_t key[2])
{
	return rte_softrss(&input, 1, (const uint8_t *)key);
}

struct rte_mempool *tandem_pool_of_one_taker(const char *name, unsigned int count, unsigned int cache,
					     uint16_t data_room, int socket)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create_by_ops(name, count, cache, 0, data_room, socket, "ring_mt_rts");
	struct rte_ring *ring;

	if (pool == NULL)
		return NULL;
	ring = pool->pool_data;
	/* The ring has a place for every buffer. As one thread alone takes, no place is used twice
	 * before it goes on: those that give back find room, however far it has fallen behind. */
	rte_ring_set_prod_htd_max(ring, rte_ring_get_capacity(ring));
	return pool;
}

INLINE_ACROSS_LANGUAGES struct rte_mbuf *tandem_mbuf_alloc(struct rte_mempool *pool)
{
	return rte_pktmbuf_alloc(pool);
}

INLINE_ACROSS_LANGUAGES void tandem_mbuf_free(struct rte_mbuf *mbuf)
{
	rte_pktmbuf_free(mbuf);
}

void tandem_mbuf_free_bulk(struct rte_mbuf **mbufs, unsigned int count)
{
	rte_pktmbuf_free_bulk(mbufs, count);
}

int tandem_mbuf_linearize(struct rte_mbuf *mbuf)
{
	return rte_pktmbuf_linearize(mbuf) == 0 ? 0 : -1;
}

int tandem_mbuf_chain(struct rte_mbuf *head, struct rte_mbuf *tail)
{
	return rte_pktmbuf_chain(head, tail) == 0 ? 0 : -1;
}

int tandem_mbuf_read(const struct rte_mbuf *mbuf, uint32_t offset, uint32_t length, void *to)
{
	const void *from;

	if (length == 0)
		return offset <= rte_pktmbuf_pkt_len(mbuf) ? 0 : -1;
	from = rte_pktmbuf_read(mbuf, offset, length, to);
	if (from == NULL)
		return -1;
	/* In one segment the data is not copied but pointed to. */
	if (from != to)
		memcpy(to, from, length);
	return 0;
}

INLINE_ACROSS_LANGUAGES unsigned int tandem_ring_enqueue(struct rte_ring *ring, void *const *objects, unsigned int count)
{
	return rte_ring_sp_enqueue_burst(ring, objects, count, NULL);
}

INLINE_ACROSS_LANGUAGES unsigned int tandem_ring_dequeue(struct rte_ring *ring, void **objects, unsigned int count)
{
	return rte_ring_sc_dequeue_burst(ring, objects, count, NULL);
}
