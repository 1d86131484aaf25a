#include "shim.h"

int tandem_errno(void)
{
	return rte_errno;
}

struct rte_mbuf *tandem_mbuf_alloc(struct rte_mempool *pool)
{
	return rte_pktmbuf_alloc(pool);
}

void tandem_mbuf_free(struct rte_mbuf *mbuf)
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

unsigned int tandem_ring_enqueue(struct rte_ring *ring, void *const *objects, unsigned int count)
{
	return rte_ring_sp_enqueue_burst(ring, objects, count, NULL);
}

unsigned int tandem_ring_dequeue(struct rte_ring *ring, void **objects, unsigned int count)
{
	return rte_ring_sc_dequeue_burst(ring, objects, count, NULL);
}
