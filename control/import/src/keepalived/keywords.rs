//! Every keyword of keepalived, old ones and those of DPVS among them, and what becomes of it.

use crate::report::Outcome;

/// A keyword, and what becomes of it where nothing else is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The keyword.
    pub name: &'static str,
    /// What becomes of it.
    pub outcome: Outcome,
    /// How, or why not and what to do.
    pub words: &'static str,
}

/// A block and its keywords.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// What the block is.
    pub name: &'static str,
    /// Its keywords.
    pub rows: &'static [Row],
}

impl Block {
    /// A keyword of it.
    pub(crate) fn row(&self, name: &str) -> Option<&'static Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

const fn row(name: &'static str, outcome: Outcome, words: &'static str) -> Row {
    Row { name, outcome, words }
}

const fn taken(name: &'static str, words: &'static str) -> Row {
    row(name, Outcome::Taken, words)
}

const fn otherwise(name: &'static str, words: &'static str) -> Row {
    row(name, Outcome::Otherwise, words)
}

const fn unneeded(name: &'static str, words: &'static str) -> Row {
    row(name, Outcome::Unneeded, words)
}

const fn not_taken(name: &'static str, words: &'static str) -> Row {
    row(name, Outcome::NotTaken, words)
}

const GARP: &str = "Tandem announces each floating address at once, after 20, 100 and 500 ms, 2 s and 5 s, then every \
                    minute and after each conflict";
const MAIL: &str = "Tandem sends no mail; alert on its metrics";
const OF_VRRP: &str = "Tandem's machines do not speak VRRP; its heartbeats need no such thing";
const PROCESS: &str = "it is about keepalived's own processes";
const SNMP: &str = "Tandem has no SNMP and D-Bus; its metrics are at /metrics for Prometheus";
const SCRIPT: &str = "Tandem runs no script at changes; what the script does has to be done otherwise: tandem status \
                      --json and the metrics tell role and servers";
const DPVS: &str = "DPVS alone has it; Tandem has no such thing under this name";
const FULL_NAT: &str = "DPVS's full NAT hides clients from servers; Tandem keeps the client's address, so the servers' \
                        default route has to be the gateway address";
const BIND: &str =
    "checks leave from the machine's real private address; route what is asked there";
const BFD: &str = "Tandem has no BFD of its own; its heartbeats find a dead machine within 150 ms, and checks a dead \
                   server";
const RULES: &str = "Tandem has one routing table for each side, and no rules";
const TRACKED: &str = "both NICs, their links and next hops are always watched";
const TRACKED_PROCESS: &str = "no such process decides over Tandem's role; tandem-control watches the dataplane and \
                               both NICs";
const CHECK_TIME: &str =
    "how often, how long and how many times is asked: interval, timeout, fast, fall";
const HASH: &str = "hash_port, of the schedulers sh and mh";

/// Keywords outside of every block.
pub const ROOT: Block = Block {
    name: "outside of every block",
    rows: &[
        taken("global_defs", "see below"),
        taken("virtual_server", "a service, see below"),
        taken(
            "virtual_server_group",
            "the addresses and ports that a service listens on, 64 at the most in one",
        ),
        taken("vrrp_instance", "the floating addresses of a side, see below"),
        taken("vrrp_sync_group", "both sides always move together, see below"),
        not_taken("vrrp_script", TRACKED_PROCESS),
        not_taken("vrrp_track_process", TRACKED_PROCESS),
        not_taken("track_process", TRACKED_PROCESS),
        not_taken(
            "vrrp_track_file",
            "a file changes no priority; its checks of kind file take servers out",
        ),
        not_taken(
            "track_file",
            "a file changes no priority; its checks of kind file take servers out",
        ),
        not_taken("bfd_instance", BFD),
        taken("static_ipaddress", "the real address of a side"),
        taken("static_routes", "gateway and route of a side"),
        not_taken("static_rules", RULES),
        unneeded("track_group", TRACKED),
        unneeded("garp_group", GARP),
        unneeded("linkbeat_interfaces", TRACKED),
        unneeded("linkbeat_use_polling", TRACKED),
        unneeded("interface_up_down_delays", "links that come and go are damped without it"),
        not_taken(
            "SSL",
            "checks present no certificate of their own; let the server answer the check without one",
        ),
        not_taken("net_namespace", "Tandem owns whole NICs; run it where they are"),
        not_taken("net_namespace_ipvs", "Tandem owns whole NICs; run it where they are"),
        unneeded("namespace_with_ipsets", PROCESS),
        unneeded("instance", PROCESS),
        unneeded("use_pid_dir", PROCESS),
        unneeded("child_wait_time", PROCESS),
        not_taken("local_address_group", FULL_NAT),
        not_taken("deny_address_group", DPVS),
        not_taken("allow_address_group", DPVS),
        not_taken("tunnel_group", DPVS),
        not_taken("daddr_group", DPVS),
        not_taken("waddr_group", DPVS),
    ],
};

/// `global_defs`.
pub const GLOBAL: Block = Block {
    name: "global_defs",
    rows: &[
        taken("router_id", "node.name, where it can be one"),
        unneeded("notification_email", MAIL),
        unneeded("notification_email_from", MAIL),
        unneeded("smtp_server", MAIL),
        unneeded("smtp_helo_name", MAIL),
        unneeded("smtp_connect_timeout", MAIL),
        unneeded("smtp_alert", MAIL),
        unneeded("smtp_alert_vrrp", MAIL),
        unneeded("smtp_alert_checker", MAIL),
        unneeded("no_email_faults", MAIL),
        unneeded("no_checker_emails", MAIL),
        taken("lvs_sync_daemon", "connections are always synchronized between both machines"),
        taken("lvs_timeouts", "timeouts.service: established, fin_wait, udp"),
        unneeded("lvs_flush", "nothing of an earlier run stays in Tandem's tables"),
        unneeded("lvs_flush_on_stop", "nothing of an earlier run stays in Tandem's tables"),
        unneeded("lvs_flush_onstop", "nothing of an earlier run stays in Tandem's tables"),
        not_taken("startup_script", SCRIPT),
        unneeded("startup_script_timeout", SCRIPT),
        not_taken("shutdown_script", SCRIPT),
        unneeded("shutdown_script_timeout", SCRIPT),
        not_taken("notify_fifo", SCRIPT),
        not_taken("notify_fifo_script", SCRIPT),
        not_taken("vrrp_notify_fifo", SCRIPT),
        not_taken("vrrp_notify_fifo_script", SCRIPT),
        not_taken("lvs_notify_fifo", SCRIPT),
        not_taken("lvs_notify_fifo_script", SCRIPT),
        unneeded("vrrp_notify_priority_changes", SCRIPT),
        unneeded("fifo_write_vrrp_states_on_reload", SCRIPT),
        unneeded("rs_init_notifies", SCRIPT),
        unneeded("script_user", "each check of kind exec has its own user"),
        unneeded(
            "enable_script_security",
            "Tandem runs no program that others than root can write",
        ),
        unneeded("default_interface", "addresses belong to the public and the private side"),
        unneeded("dynamic_interfaces", "both NICs are DPDK's, and watched"),
        unneeded("disable_local_igmp", OF_VRRP),
        unneeded("v3_checksum_as_v2", OF_VRRP),
        unneeded("vrrp_mcast_group4", OF_VRRP),
        unneeded("vrrp_mcast_group6", OF_VRRP),
        unneeded("vrrp_garp_master_delay", GARP),
        unneeded("vrrp_garp_master_repeat", GARP),
        unneeded("vrrp_garp_master_refresh", GARP),
        unneeded("vrrp_garp_master_refresh_repeat", GARP),
        unneeded("vrrp_garp_lower_prio_delay", GARP),
        unneeded("vrrp_garp_lower_prio_repeat", GARP),
        unneeded("vrrp_garp_interval", GARP),
        unneeded("vrrp_gna_interval", GARP),
        unneeded("vrrp_min_garp", GARP),
        unneeded("vrrp_garp_extra_if", GARP),
        unneeded("vrrp_vmac_garp_intvl", GARP),
        unneeded("vrrp_down_timer_adverts", OF_VRRP),
        unneeded("vrrp_lower_prio_no_advert", OF_VRRP),
        unneeded("vrrp_higher_prio_send_advert", OF_VRRP),
        unneeded("vrrp_version", OF_VRRP),
        unneeded("vrrp_check_unicast_src", OF_VRRP),
        unneeded("vrrp_skip_check_adv_addr", OF_VRRP),
        unneeded("vrrp_strict", OF_VRRP),
        unneeded("vrrp_rx_bufs_policy", OF_VRRP),
        unneeded("vrrp_rx_bufs_multiplier", OF_VRRP),
        unneeded("vrrp_startup_delay", "a machine that starts listens before it takes the role"),
        unneeded("vrrp_delay_after_boot", "a machine that starts listens before it takes the role"),
        unneeded("vrrp_owner_ignore_adverts", OF_VRRP),
        unneeded("log_unknown_vrids", OF_VRRP),
        unneeded("max_auto_priority", PROCESS),
        unneeded("min_auto_priority_delay", PROCESS),
        unneeded("vmac_prefix", "virtual_mac is written out"),
        unneeded("vmac_addr_prefix", "virtual_mac is written out"),
        unneeded("vrrp_iptables", "no kernel firewall is between the NICs and Tandem"),
        unneeded("vrrp_ipsets", "no kernel firewall is between the NICs and Tandem"),
        unneeded("nftables", "no kernel firewall is between the NICs and Tandem"),
        unneeded("nftables_priority", "no kernel firewall is between the NICs and Tandem"),
        unneeded("nftables_ifindex", "no kernel firewall is between the NICs and Tandem"),
        unneeded("nftables_counters", "no kernel firewall is between the NICs and Tandem"),
        unneeded("nftables_ipvs", "no kernel firewall is between the NICs and Tandem"),
        unneeded("nftables_ipvs_priority", "no kernel firewall is between the NICs and Tandem"),
        unneeded("nftables_ipvs_start_fwmark", "no kernel firewall is between the NICs and Tandem"),
        unneeded("process_names", PROCESS),
        unneeded("process_name", PROCESS),
        unneeded("vrrp_process_name", PROCESS),
        unneeded("checker_process_name", PROCESS),
        unneeded("lvs_process_name", PROCESS),
        unneeded("bfd_process_name", PROCESS),
        unneeded("use_symlink_paths", PROCESS),
        unneeded("set_supplementary_groups", PROCESS),
        unneeded(
            "checker_log_all_failures",
            "tandem services shows the last failure of each server",
        ),
        unneeded("vrrp_priority", PROCESS),
        unneeded("vrrp_no_swap", PROCESS),
        unneeded("vrrp_rt_priority", PROCESS),
        unneeded("vrrp_cpu_affinity", PROCESS),
        unneeded("vrrp_rlimit_rttime", PROCESS),
        unneeded("vrrp_rlimit_rtime", PROCESS),
        unneeded("checker_priority", PROCESS),
        unneeded("checker_no_swap", PROCESS),
        unneeded("checker_rt_priority", PROCESS),
        unneeded("checker_cpu_affinity", PROCESS),
        unneeded("checker_rlimit_rttime", PROCESS),
        unneeded("checker_rlimit_rtime", PROCESS),
        unneeded("bfd_priority", PROCESS),
        unneeded("bfd_no_swap", PROCESS),
        unneeded("bfd_rt_priority", PROCESS),
        unneeded("bfd_cpu_affinity", PROCESS),
        unneeded("bfd_rlimit_rttime", PROCESS),
        unneeded("bfd_rlimit_rtime", PROCESS),
        unneeded("snmp_socket", SNMP),
        unneeded("enable_traps", SNMP),
        unneeded("enable_snmp_vrrp", SNMP),
        unneeded("enable_snmp_keepalived", SNMP),
        unneeded("enable_snmp_rfc", SNMP),
        unneeded("enable_snmp_rfcv2", SNMP),
        unneeded("enable_snmp_rfcv3", SNMP),
        unneeded("enable_snmp_checker", SNMP),
        unneeded("snmp_vs_stats_update_interval", SNMP),
        unneeded("snmp_rs_stats_update_interval", SNMP),
        unneeded("enable_dbus", SNMP),
        unneeded("dbus_service_name", SNMP),
        unneeded("dbus_no_interface_name", SNMP),
        unneeded("vrrp_netlink_cmd_rcv_bufs", PROCESS),
        unneeded("vrrp_netlink_cmd_rcv_bufs_force", PROCESS),
        unneeded("vrrp_netlink_monitor_rcv_bufs", PROCESS),
        unneeded("vrrp_netlink_monitor_rcv_bufs_force", PROCESS),
        unneeded("lvs_netlink_cmd_rcv_bufs", PROCESS),
        unneeded("lvs_netlink_cmd_rcv_bufs_force", PROCESS),
        unneeded("lvs_netlink_monitor_rcv_bufs", PROCESS),
        unneeded("lvs_netlink_monitor_rcv_bufs_force", PROCESS),
        unneeded("process_monitor_rcv_bufs", PROCESS),
        unneeded("process_monitor_rcv_bufs_force", PROCESS),
        unneeded("umask", PROCESS),
        unneeded("random_seed", PROCESS),
        unneeded("reload_check_config", "tandem reload takes a file whole or not at all"),
        unneeded("reload_time_file", "tandem apply --confirm takes a file back by itself"),
        unneeded("reload_repeat", "tandem apply --confirm takes a file back by itself"),
        unneeded("reload_file", "tandem apply --confirm takes a file back by itself"),
        unneeded("include_check", "an include without a file is always a mistake"),
        unneeded("config_save_dir", "tandem config list has the older versions"),
        unneeded("tmp_config_directory", PROCESS),
        unneeded("data_use_instance", PROCESS),
        unneeded("json_version", PROCESS),
        unneeded("iproute_usr_dir", PROCESS),
        unneeded("iproute_etc_dir", PROCESS),
        unneeded("state_dump_file", PROCESS),
        unneeded("stats_dump_file", PROCESS),
        unneeded("json_dump_file", PROCESS),
    ],
};

/// `vrrp_sync_group`.
pub const SYNC_GROUP: Block = Block {
    name: "vrrp_sync_group",
    rows: &[
        taken("group", "both sides always move together"),
        taken("track_interface", TRACKED),
        not_taken("track_script", TRACKED_PROCESS),
        not_taken("track_file", TRACKED_PROCESS),
        not_taken("track_process", TRACKED_PROCESS),
        not_taken("track_bfd", BFD),
        not_taken("notify_backup", SCRIPT),
        not_taken("notify_master", SCRIPT),
        not_taken("notify_fault", SCRIPT),
        not_taken("notify_stop", SCRIPT),
        not_taken("notify", SCRIPT),
        unneeded("smtp_alert", MAIL),
        unneeded("global_tracking", TRACKED),
        unneeded("sync_group_tracking_weight", TRACKED),
        unneeded("notify_priority_changes", SCRIPT),
    ],
};

/// `vrrp_instance`.
pub const INSTANCE: Block = Block {
    name: "vrrp_instance",
    rows: &[
        taken("interface", "port of the side, as a virtual device over that interface"),
        taken("virtual_ipaddress", "floating of the side"),
        taken("virtual_ipaddress_excluded", "floating of the side"),
        unneeded("no_virtual_ipaddress", "an instance without addresses is nothing in Tandem"),
        taken("virtual_routes", "gateway and route of the side"),
        not_taken("virtual_rules", RULES),
        taken("priority", "peer.priority"),
        unneeded("state", "each machine begins on standby, and finds out"),
        unneeded("virtual_router_id", "the pair is told by its key"),
        otherwise(
            "advert_int",
            "a dead machine was found out after three of these and a little more; Tandem's heartbeats \
             come every 20 ms, and 150 ms of silence on every path are enough (peer.interval, peer.dead)",
        ),
        unneeded("down_timer_adverts", OF_VRRP),
        otherwise(
            "preempt",
            "a machine of higher priority takes the role back only where peer.preempt says after which time",
        ),
        taken("nopreempt", "Tandem's default: no peer.preempt"),
        taken("preempt_delay", "peer.preempt"),
        taken("unicast_src_ip", "peer.paths.local, and address of the side"),
        taken("unicast_peer", "peer.paths.remote"),
        taken("mcast_src_ip", "address of the side"),
        unneeded("mcast_dst_ip", OF_VRRP),
        unneeded("track_src_ip", TRACKED),
        unneeded("unicast_ttl", OF_VRRP),
        unneeded("unicast_fault_no_peer", OF_VRRP),
        unneeded("check_unicast_src", OF_VRRP),
        unneeded("old_unicast_checksum", OF_VRRP),
        otherwise(
            "authentication",
            "a key of at least 32 bytes takes its place, which tandem key new makes; no secret is copied",
        ),
        otherwise(
            "auth_hmac",
            "a key of at least 32 bytes takes its place, which tandem key new makes; no secret is copied",
        ),
        taken("use_vmac", "virtual_mac of the side"),
        taken("use_vmac_addr", "virtual_mac of the side"),
        unneeded("vmac_xmit_base", OF_VRRP),
        not_taken("use_ipvlan", "floating addresses are on the NIC itself"),
        unneeded("vmac_garp_intvl", GARP),
        unneeded("garp_extra_if", GARP),
        unneeded("garp_master_delay", GARP),
        unneeded("garp_master_refresh", GARP),
        unneeded("garp_master_repeat", GARP),
        unneeded("garp_master_refresh_repeat", GARP),
        unneeded("garp_lower_prio_delay", GARP),
        unneeded("garp_lower_prio_repeat", GARP),
        unneeded("lower_prio_no_advert", OF_VRRP),
        unneeded("higher_prio_send_advert", OF_VRRP),
        unneeded("owner_ignore_adverts", OF_VRRP),
        taken("track_interface", TRACKED),
        not_taken("dont_track_primary", "both NICs are always watched, and decide over the role"),
        not_taken("track_script", TRACKED_PROCESS),
        not_taken("track_file", TRACKED_PROCESS),
        not_taken("track_process", TRACKED_PROCESS),
        not_taken("track_bfd", BFD),
        not_taken("vrf", RULES),
        not_taken("notify_backup", SCRIPT),
        not_taken("notify_master", SCRIPT),
        not_taken("notify_fault", SCRIPT),
        not_taken("notify_stop", SCRIPT),
        not_taken("notify_deleted", SCRIPT),
        not_taken("notify", SCRIPT),
        not_taken("notify_master_rx_lower_pri", SCRIPT),
        unneeded("notify_priority_changes", SCRIPT),
        unneeded("smtp_alert", MAIL),
        taken(
            "lvs_sync_daemon_interface",
            "connections are always synchronized between both machines",
        ),
        unneeded("native_ipv6", OF_VRRP),
        unneeded("version", OF_VRRP),
        unneeded("promote_secondaries", OF_VRRP),
        unneeded("linkbeat_use_polling", TRACKED),
        unneeded("v3_checksum_as_v2", OF_VRRP),
        unneeded("accept", "floating addresses answer to ping and to their services alone"),
        unneeded("no_accept", "floating addresses answer to ping and to their services alone"),
        unneeded("skip_check_adv_addr", OF_VRRP),
        unneeded("strict_mode", OF_VRRP),
        unneeded("debug", PROCESS),
        unneeded("ha_suspend", "both machines always check"),
        unneeded("timer_expired_backup", OF_VRRP),
        unneeded("thread_timer_expired", OF_VRRP),
        unneeded("kernel_rx_buf_size", PROCESS),
    ],
};

/// `virtual_server`.
pub const VIRTUAL_SERVER: Block = Block {
    name: "virtual_server",
    rows: &[
        taken("real_server", "server, see below"),
        taken(
            "protocol",
            "protocol; without one it is udp, as with keepalived. SCTP is not taken over",
        ),
        taken("lb_algo", "scheduler; lblc and lblcr become mh, which is not the same"),
        taken("lvs_sched", "the old name of lb_algo"),
        taken(
            "lb_kind",
            "NAT. A service with DR or TUN is not taken over: its servers have to be changed",
        ),
        taken("lvs_method", "the same as lb_kind"),
        taken("ops", "one_packet"),
        taken("hashed", HASH),
        taken("flag-1", "sh-fallback or mh-fallback"),
        taken("flag-2", "sh-port or mh-port"),
        not_taken("flag-3", "no scheduler of IPVS has it"),
        otherwise(
            "sh-fallback",
            "Tandem always gives a client of a server that gets nothing another one; strict refuses it",
        ),
        otherwise(
            "mh-fallback",
            "Tandem always gives a client of a server that gets nothing another one; strict refuses it",
        ),
        taken("sh-port", HASH),
        taken("mh-port", HASH),
        taken("persistence_timeout", "persist.timeout"),
        taken("persistence_granularity", "persist.prefix, where the mask is a prefix"),
        not_taken(
            "persistence_engine",
            "persistence by the call-ID of SIP is not there; clients keep their server by address",
        ),
        taken("delay_loop", CHECK_TIME),
        taken("connect_timeout", CHECK_TIME),
        taken("retry", CHECK_TIME),
        taken("nb_get_retry", CHECK_TIME),
        taken("delay_before_retry", CHECK_TIME),
        unneeded("warmup", "first checks are spread without it"),
        taken("alpha", "start = \"down\" of the checks"),
        unneeded("omega", "without notify scripts it has no effect"),
        taken("inhibit_on_failure", "connections of a server that is down always go on (on_down)"),
        taken("virtualhost", "host of the checks"),
        taken("weight", "weight of servers that have none"),
        taken("quorum", "quorum"),
        taken("hysteresis", "hysteresis"),
        not_taken("quorum_up", SCRIPT),
        not_taken("quorum_down", SCRIPT),
        taken("sorry_server", "sorry; the last one"),
        unneeded("sorry_server_inhibit", "connections of a sorry server always go on"),
        taken("sorry_server_lvs_method", "NAT"),
        unneeded("ha_suspend", "both machines always check"),
        unneeded("smtp_alert", MAIL),
        taken("snmp_name", "name"),
        taken("ip_family", "IPv4"),
        unneeded("nat_mask", "an old keyword without effect"),
        unneeded("net_mask", "an old keyword without effect"),
        unneeded("lvs_id", "an old keyword without effect"),
        not_taken("laddr_group_name", FULL_NAT),
        not_taken("daddr_group_name", DPVS),
        not_taken("waddr_group_name", DPVS),
        not_taken("deny_group_name", DPVS),
        not_taken("allow_group_name", DPVS),
        not_taken(
            "syn_proxy",
            "floods of SYN are met otherwise: connections that nobody answered make room; see [sources]",
        ),
        not_taken("establish_timeout", "timeouts.service.established is one for all services"),
        not_taken("est_timeout", "timeouts.service.established is one for all services"),
        unneeded("expire_quiescent_conn", "on_down of the service decides"),
        not_taken(
            "proxy_protocol",
            "Tandem keeps the client's address; take the PROXY protocol out of the servers",
        ),
        not_taken("quic", DPVS),
        not_taken("bps", DPVS),
        not_taken("limit_proportion", DPVS),
        not_taken("hash_target", DPVS),
        not_taken("src-range", "[sources] limits what clients take; filter in front"),
        not_taken("dst-range", DPVS),
        not_taken("iif", DPVS),
        not_taken("oif", DPVS),
        not_taken("vip_bind_dev", DPVS),
        not_taken("tunnel_group", DPVS),
    ],
};

/// `real_server`.
pub const REAL_SERVER: Block = Block {
    name: "real_server",
    rows: &[
        taken("weight", "weight; above 65,535 all of the service are scaled down"),
        taken("uthreshold", "max_connections"),
        taken("lthreshold", "resume_below"),
        taken("lvs_method", "NAT"),
        taken("lb_kind", "NAT"),
        taken("inhibit_on_failure", "connections of a server that is down always go on (on_down)"),
        taken("virtualhost", "host of its checks"),
        taken("alpha", "start = \"down\" of its checks"),
        taken("retry", CHECK_TIME),
        taken("delay_before_retry", CHECK_TIME),
        taken("delay_loop", CHECK_TIME),
        taken("connect_timeout", CHECK_TIME),
        unneeded("warmup", "first checks are spread without it"),
        not_taken("notify_up", SCRIPT),
        not_taken("notify_down", SCRIPT),
        unneeded("smtp_alert", MAIL),
        unneeded("snmp_name", "servers are known by their address"),
        taken("HTTP_GET", "a check of kind http for each url, see below"),
        taken(
            "SSL_GET",
            "a check of kind https for each url; certificates are not verified, as with keepalived",
        ),
        taken("TCP_CHECK", "a check of kind tcp"),
        otherwise(
            "SMTP_CHECK",
            "a check of kind tcp that expects the server's 220; HELO is not sent",
        ),
        taken("DNS_CHECK", "a check of kind dns"),
        taken("PING_CHECK", "a check of kind ping"),
        taken("UDP_CHECK", "a check of kind udp"),
        otherwise(
            "MISC_CHECK",
            "a check of kind exec; program and user have to be on both machines",
        ),
        not_taken("BFD_CHECK", BFD),
        not_taken(
            "FILE_CHECK",
            "Tandem's checks of kind file read other words: a number is the weight itself; write the file anew",
        ),
    ],
};

/// What every checker has.
pub const CHECKER: Block = Block {
    name: "every checker",
    rows: &[
        taken("connect_ip", "address"),
        taken("connect_port", "port"),
        not_taken("bindto", BIND),
        not_taken("bind_port", BIND),
        not_taken("bind_if", BIND),
        not_taken("fwmark", BIND),
        taken("connect_timeout", CHECK_TIME),
        taken("retry", CHECK_TIME),
        taken("nb_get_retry", "the old name of retry"),
        taken("delay_before_retry", CHECK_TIME),
        taken("delay_loop", CHECK_TIME),
        unneeded("warmup", "first checks are spread without it"),
        taken("alpha", "start = \"down\""),
        unneeded("log_all_failures", "tandem services shows the last failure of each server"),
    ],
};

/// What each kind of checker has besides.
pub const KINDS: Block = Block {
    name: "checkers of one kind",
    rows: &[
        taken("http_protocol", "version"),
        taken("virtualhost", "host"),
        otherwise("enable_sni", "the name is always sent: that of host, or name"),
        taken("sni_name", "name"),
        unneeded("fast_recovery", "rise = 1 takes a server back after the first success"),
        unneeded(
            "tls_compliant",
            "a server that ends without TLS's close is well where its answer was",
        ),
        taken("url", "see below"),
        otherwise("helo_name", "HELO is not sent: the server's 220 is enough"),
        otherwise("host", "address and port of the check"),
        taken("misc_path", "command"),
        taken("misc_timeout", "timeout"),
        taken("misc_dynamic", "dynamic"),
        taken("user", "user"),
        taken("type", "type; not RRSIG and DNSKEY"),
        taken("name", "name"),
        taken("payload", "send"),
        taken("require_reply", "require_reply, and expect where bytes are given"),
        not_taken(
            "min_reply_length",
            "the length of a reply is not looked at; expect looks at its bytes",
        ),
        not_taken(
            "max_reply_length",
            "the length of a reply is not looked at; expect looks at its bytes",
        ),
        not_taken("track_file", "see FILE_CHECK"),
        not_taken("weight", "see FILE_CHECK"),
    ],
};

/// `url` of `HTTP_GET` and `SSL_GET`.
pub const URL: Block = Block {
    name: "url",
    rows: &[
        taken("path", "path"),
        not_taken(
            "digest",
            "Tandem compares no digests; body or body_regex look at the text itself",
        ),
        taken("status_code", "status"),
        taken("virtualhost", "host"),
        taken("regex", "body_regex, where it is one without look-around and back references"),
        not_taken(
            "regex_no_match",
            "a text that must not be there cannot be asked for; look for one that must",
        ),
        taken(
            "regex_options",
            "caseless, multiline, dotall and extended, as (?i), (?m), (?s) and (?x)",
        ),
        not_taken("regex_min_offset", "body_regex looks at the first 64 KiB of the body"),
        not_taken("regex_max_offset", "body_regex looks at the first 64 KiB of the body"),
        unneeded("regex_stack", "matching takes linear time, and no stack"),
        unneeded(
            "tls_compliant",
            "a server that ends without TLS's close is well where its answer was",
        ),
    ],
};

/// Blocks that are not taken over, whose keywords are known all the same.
pub const NOT_TAKEN: Block = Block {
    name: "blocks that are not taken over",
    rows: &[
        not_taken("script", TRACKED_PROCESS),
        not_taken("interval", TRACKED_PROCESS),
        not_taken("timeout", TRACKED_PROCESS),
        not_taken("weight", TRACKED_PROCESS),
        not_taken("rise", TRACKED_PROCESS),
        not_taken("fall", TRACKED_PROCESS),
        not_taken("user", TRACKED_PROCESS),
        not_taken("init_fail", TRACKED_PROCESS),
        not_taken("process", TRACKED_PROCESS),
        not_taken("param_match", TRACKED_PROCESS),
        not_taken("quorum", TRACKED_PROCESS),
        not_taken("quorum_max", TRACKED_PROCESS),
        not_taken("delay", TRACKED_PROCESS),
        not_taken("terminate_delay", TRACKED_PROCESS),
        not_taken("fork_delay", TRACKED_PROCESS),
        not_taken("full_command", TRACKED_PROCESS),
        not_taken("file", TRACKED_PROCESS),
        not_taken("init_file", TRACKED_PROCESS),
        not_taken("source_ip", BFD),
        not_taken("neighbor_ip", BFD),
        not_taken("neighbour_ip", BFD),
        not_taken("min_rx", BFD),
        not_taken("min_tx", BFD),
        not_taken("idle_tx", BFD),
        not_taken("multiplier", BFD),
        not_taken("passive", BFD),
        not_taken("ttl", BFD),
        not_taken("hoplimit", BFD),
        not_taken("max_hops", BFD),
        not_taken("multihop", BFD),
        not_taken("vrrp", BFD),
        not_taken("checker", BFD),
        not_taken("password", "checks present no certificate of their own"),
        not_taken(
            "ca",
            "certificates are not verified, as with keepalived; verify = true and ca do it",
        ),
        not_taken("certificate", "checks present no certificate of their own"),
        not_taken("key", "checks present no certificate of their own"),
        unneeded("garp_interval", GARP),
        unneeded("gna_interval", GARP),
        unneeded("interface", GARP),
        unneeded("interfaces", GARP),
        unneeded("group", TRACKED),
    ],
};

/// `authentication` and `auth_hmac`.
pub const AUTHENTICATION: Block = Block {
    name: "authentication, auth_hmac",
    rows: &[
        otherwise(
            "auth_type",
            "Tandem's heartbeats and sync are always encrypted and authenticated",
        ),
        otherwise("auth_pass", "tandem key new makes a key; the password is not copied"),
        otherwise("key", "tandem key new makes a key; this one is not copied"),
        otherwise("active_key", "tandem key rotate changes the key"),
        unneeded("time_window", "replays are always refused"),
        unneeded("anti_replay", "replays are always refused"),
        unneeded("mode", "heartbeats are always authenticated"),
    ],
};

/// Every block, in the order of the documentation.
pub const BLOCKS: &[Block] = &[
    ROOT,
    GLOBAL,
    SYNC_GROUP,
    INSTANCE,
    AUTHENTICATION,
    VIRTUAL_SERVER,
    REAL_SERVER,
    CHECKER,
    KINDS,
    URL,
    NOT_TAKEN,
];
