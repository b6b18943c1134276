/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/rtnl.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

void rtnl_attr(struct rtnl *q, unsigned short type, const void *data, size_t n)
{
	struct rtattr *a = (struct rtattr *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));
	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(n);
	if (n)
		memcpy(RTA_DATA(a), data, n);
	q->h.nlmsg_len = (unsigned)(NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

void rtnl_raw(struct rtnl *q, const void *data, size_t n)
{
	memcpy((char *)q + NLMSG_ALIGN(q->h.nlmsg_len), data, n);
	q->h.nlmsg_len = (unsigned)(NLMSG_ALIGN(q->h.nlmsg_len) + NLMSG_ALIGN(n));
}

size_t rtnl_nest(struct rtnl *q, unsigned short type)
{
	size_t at = NLMSG_ALIGN(q->h.nlmsg_len);

	rtnl_attr(q, type, NULL, 0);
	return at;
}

void rtnl_end(struct rtnl *q, size_t nest)
{
	struct rtattr *a = (struct rtattr *)((char *)q + nest);
	a->rta_len = (unsigned short)(NLMSG_ALIGN(q->h.nlmsg_len) - nest);
}

void *rtnl_begin(struct rtnl *q, unsigned short type, unsigned short flags, size_t n)
{
	memset(q, 0, sizeof(*q));
	q->h.nlmsg_type = type;
	q->h.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags);
	q->h.nlmsg_len = (unsigned)NLMSG_LENGTH(n);
	return NLMSG_DATA(&q->h);
}

int rtnl_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return fd < 0 ? -errno : fd;
}

int rtnl_talk(int sock, struct rtnl *q)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr err;
		char rest[1024];
	} answer;
	ssize_t n;

	if (send(sock, q, q->h.nlmsg_len, 0) < 0)
		return -errno;
	do
		n = recv(sock, &answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(int)) || answer.h.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.err.error;
}
