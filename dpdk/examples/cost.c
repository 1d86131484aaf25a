/* The functions of cost.rs in C; see dpdk/cost.sh. */
#include <rte_ethdev.h>
#include <rte_mbuf.h>

uint16_t cost_receive(uint16_t port, struct rte_mbuf **mbufs)
{
	return rte_eth_rx_burst(port, 0, mbufs, 32);
}

uint16_t cost_transmit(uint16_t port, struct rte_mbuf **mbufs, uint16_t count)
{
	return rte_eth_tx_burst(port, 0, mbufs, count);
}

struct rte_mbuf *cost_alloc(struct rte_mempool *pool)
{
	return rte_pktmbuf_alloc(pool);
}

void cost_free(struct rte_mbuf *mbuf)
{
	rte_pktmbuf_free(mbuf);
}

size_t cost_read(const struct rte_mbuf *mbuf)
{
	size_t first = 0;

	if (mbuf->data_len > 0)
		first = *rte_pktmbuf_mtod(mbuf, const uint8_t *);
	return first + rte_pktmbuf_pkt_len(mbuf);
}

void cost_prefetch(const struct rte_mbuf *mbuf)
{
	rte_prefetch0(rte_pktmbuf_mtod(mbuf, const void *));
}
