//! Every metric: its name, kind, labels, meaning, and what to do about it. docs/metrics.md has the
//! same list.

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Goes up only.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts what was measured by size.
    Histogram,
}

impl Kind {
    /// As both formats and the documentation write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// Metrics of one name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    /// The labels of each metric.
    pub labels: &'static [&'static str],
    /// What it means, a sentence.
    pub help: &'static str,
    /// When to act, and what to do then: for the documentation.
    pub action: &'static str,
}

impl Family {
    /// What its values are counted in.
    #[must_use]
    pub fn unit(self) -> &'static str {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        let endings = [
            ("_timestamp_seconds", "seconds since 1970"),
            ("_time_seconds", "seconds since 1970"),
            ("_seconds", "seconds"),
            ("_speed_bytes", "bytes per second"),
            ("_bytes", "bytes"),
            ("_ratio", "0 to 1"),
            ("_packets", "packets"),
            ("_cycles", "cycles"),
            ("_series", "series"),
        ];
        if let Some((_, unit)) = endings.into_iter().find(|(end, _)| name.ends_with(end)) {
            return unit;
        }
        let is_flag = ["1 if", "1 while", "1 for"].iter().any(|start| self.help.starts_with(start));
        match self.help.starts_with("1, ") {
            true => "1",
            false if is_flag => "0 or 1",
            false => "count",
        }
    }
}

/// Declares families as constants, and the list of all.
macro_rules! families {
    ($($constant:ident $name:literal $kind:ident [$($label:literal)*] $help:literal $action:literal)*) => {
        $(
            #[doc = $help]
            pub const $constant: Family = Family {
                name: $name,
                kind: Kind::$kind,
                labels: &[$($label),*],
                help: $help,
                action: $action,
            };
        )*

        pub const ALL: &[Family] = &[$($constant),*];
    };
}

families! {
    DATAPLANE_UP "tandem_dataplane_up" Gauge []
        "1 if the dataplane answered this scrape."
        "0: `systemctl status tandem-dataplane`, `journalctl -u tandem-dataplane`."
    DATAPLANE_INFO "tandem_dataplane_info" Gauge ["version" "dpdk" "node"]
        "1, with the dataplane's versions and the machine's name."
        "Machines of a pair with different versions: finish the upgrade (`tandem upgrade`)."
    DATAPLANE_UPTIME "tandem_dataplane_uptime_seconds" Gauge []
        "Time since the start of the dataplane."
        "Starts again unasked: `journalctl -u tandem-dataplane`."
    ACTIVE "tandem_active" Gauge []
        "1 if this machine's dataplane answers for the floating addresses and forwards."
        "The sum over both machines is 1; else `tandem status` on both."
    CONFIGURATION_GENERATION "tandem_configuration_generation" Gauge []
        "Configurations taken since the start of the dataplane."
        "Changes without a reload of yours: `tandem config log`."
    CONFIGURATION_LOADED "tandem_configuration_load_timestamp_seconds" Gauge []
        "When the configuration in force was taken, since 1970."
        "As above."

    NIC_INFO "tandem_nic_info" Gauge ["side" "device" "driver" "mac"]
        "1, with what the NIC is."
        "Nothing."
    NIC_UP "tandem_nic_up" Gauge ["side"]
        "1 if the link is up."
        "0: the cable, the switch's port; `tandem doctor`."
    NIC_SPEED "tandem_nic_speed_bytes" Gauge ["side"]
        "Speed of the link, in bytes per second, where the driver knows it."
        "Lower than the NIC's: the cable, or what the switch negotiates."
    NIC_RX_PACKETS "tandem_nic_receive_packets_total" Counter ["side"]
        "Packets received."
        "Nothing."
    NIC_RX_BYTES "tandem_nic_receive_bytes_total" Counter ["side"]
        "Bytes received."
        "Near the link's speed: another link, or less traffic."
    NIC_RX_MISSED "tandem_nic_receive_missed_packets_total" Counter ["side"]
        "Packets lost because the receive queues were full."
        "Grows: workers are too few or kept from running; more `node.workers`, `tandem doctor`."
    NIC_RX_ERRORS "tandem_nic_receive_error_packets_total" Counter ["side"]
        "Packets received broken."
        "Grows: the cable, the transceiver, the switch's port."
    NIC_RX_NO_BUFFER "tandem_nic_receive_no_buffer_packets_total" Counter ["side"]
        "Packets lost because no packet buffer was free."
        "Grows: leave `node.mbufs` out, so that it is computed; `tandem counters`."
    NIC_TX_PACKETS "tandem_nic_transmit_packets_total" Counter ["side"]
        "Packets sent."
        "Nothing."
    NIC_TX_BYTES "tandem_nic_transmit_bytes_total" Counter ["side"]
        "Bytes sent."
        "Near the link's speed: another link, or less traffic."
    NIC_TX_ERRORS "tandem_nic_transmit_error_packets_total" Counter ["side"]
        "Packets that could not be sent."
        "Grows: the driver's log, `journalctl -u tandem-dataplane`."

    MEMPOOL_SIZE "tandem_mempool_buffers" Gauge ["pool"]
        "Packet buffers of the pool: the workers', or the main core's."
        "Nothing."
    MEMPOOL_IN_USE "tandem_mempool_buffers_in_use" Gauge ["pool"]
        "Packet buffers that are in a NIC's queues, in a ring, or with whoever works on a packet."
        "Only grows, without traffic too: a leak; report it with `tandem counters --all`."

    NEIGHBOURS "tandem_neighbours" Gauge ["side" "state"]
        "Neighbours by state: incomplete, reachable, probe, failed or static."
        "Many `failed`: `tandem neighbours` says which hosts do not answer ARP."

    CONNECTIONS_LIMIT "tandem_connections_limit" Gauge []
        "Connections that the machine can hold, over all workers."
        "Nothing."
    WORKER_BUSY "tandem_worker_busy_ratio" Gauge ["core"]
        "Share of the worker's polls that found packets."
        "Near 1: more `node.workers`, or `[sources]` against a flood."
    WORKER_CONNECTIONS "tandem_worker_connections" Gauge ["core"]
        "Connections in the worker's table."
        "Near the limit: raise `node.connections`; `tandem sources` says who has most."
    WORKER_CAPACITY "tandem_worker_connections_limit" Gauge ["core"]
        "Connections that the worker could have now, if the others took no more."
        "Nothing."
    WORKER_RX_PACKETS "tandem_worker_receive_packets_total" Counter ["core"]
        "Packets that the worker received."
        "One worker has most: few clients, or a NIC that does not spread them; `tandem doctor`."
    WORKER_TX_PACKETS "tandem_worker_transmit_packets_total" Counter ["core"]
        "Packets that the worker sent."
        "Nothing."
    WORKER_DROPPED "tandem_worker_dropped_packets_total" Counter ["core"]
        "Packets that the worker dropped, for whichever reason."
        "Grows: `tandem counters` says why."
    WORKER_BUSY_CYCLES "tandem_worker_busy_cycles_total" Counter ["core"]
        "Cycles of the time stamp counter in the worker's polls that found packets."
        "Its rate by that of busy and idle together near 1: more `node.workers`."
    WORKER_IDLE_CYCLES "tandem_worker_idle_cycles_total" Counter ["core"]
        "Cycles of the time stamp counter in the worker's polls that found none."
        "Its rate near 0: more `node.workers`."
    WORKER_EVENTS "tandem_worker_events_total" Counter ["core" "counter"]
        "The worker's other counters, by their names in tandem counters."
        "See [counters](counters.md)."
    DROPPED "tandem_dropped_packets_total" Counter ["reason"]
        "Packets dropped, by reason; docs/counters.md explains each."
        "See the reason in [counters](counters.md)."

    SERVICE_CONNECTIONS "tandem_service_connections_total" Counter ["service" "listen" "protocol"]
        "Connections made to the service."
        "Falls to 0 while clients are there: `tandem services`."
    SERVICE_PACKETS "tandem_service_packets_total" Counter ["service" "listen" "protocol" "direction"]
        "Packets from clients (in) and to them (out)."
        "In and nothing out: the way back of its servers; `tandem status`."
    SERVICE_BYTES "tandem_service_bytes_total" Counter ["service" "listen" "protocol" "direction"]
        "Bytes from clients (in) and to them (out), IP headers among them."
        "Nothing."
    SERVICE_SORRY_ONLY "tandem_service_sorry_only" Gauge ["service"]
        "1 while new connections go to the sorry servers whatever the servers are."
        "1: no server can; `tandem status`."
    SERVER_SORRY "tandem_server_sorry" Gauge ["service" "server"]
        "1 for a sorry server."
        "Nothing."
    SERVICE_CLIENTS "tandem_service_persistent_clients" Gauge ["service"]
        "Clients that keep their servers; those of its group, if other services share them. Only of services with persist."
        "Nothing."
    CLIENTS "tandem_persistent_clients" Gauge []
        "Clients of all services that keep their servers."
        "Near the limit: raise `node.persistence`, or shorten `persist`."
    CLIENTS_LIMIT "tandem_persistent_clients_limit" Gauge []
        "Persistent clients that there is room for."
        "Nothing."
    CLIENTS_EVICTED "tandem_persistent_clients_evicted_total" Counter []
        "Persistent clients that were forgotten before their time, to make room for others."
        "Grows: as `tandem_persistent_clients`."
    SERVICE_LIMIT "tandem_service_connections_limit" Gauge ["service"]
        "The most connections of the service, if it has a limit."
        "Nothing."
    SERVICE_FULL "tandem_service_full" Gauge ["service"]
        "1 while the service takes no connection because of its limit."
        "1: more servers, or a higher limit."
    SERVER_LIMIT "tandem_server_connections_limit" Gauge ["service" "server"]
        "The most connections of the real server, if it has a limit."
        "Nothing."
    SERVER_FULL "tandem_server_full" Gauge ["service" "server"]
        "1 while the real server takes no connection because of its limit."
        "1: a higher limit, if the server can bear it."
    SERVER_STATE "tandem_server_state" Gauge ["service" "server" "state"]
        "1 for the state that the real server is in: up, draining or down."
        "Down: `tandem status`; the server's own log."
    SERVER_WEIGHT "tandem_server_weight" Gauge ["service" "server"]
        "The real server's weight, as the configuration or an operator has it."
        "Nothing."
    SERVER_SUSPECT "tandem_server_suspect" Gauge ["service" "server"]
        "1 while the real server is avoided because clients failed at it."
        "1: clients were refused or not answered, whatever its check says; the server's own log."
    SERVER_RETURN_PATH "tandem_server_return_path" Gauge ["service" "server" "state"]
        "1 for what is known of the way back of the real server's answers: ok, missing or unknown."
        "Missing: set the server's default route to the gateway address."
    SERVER_ACTIVE "tandem_server_active_connections" Gauge ["service" "server"]
        "Connections to the real server that open or are open."
        "Nothing."
    SERVER_OF_STATE "tandem_server_connections" Gauge ["service" "server" "state"]
        "Connections to the real server by their state: opening, established or closing. Those that close are remembered until nothing of them can come any more."
        "Many that open and few that are established: the server is overloaded."
    SERVER_CONNECTIONS "tandem_server_connections_total" Counter ["service" "server"]
        "Connections made to the real server."
        "Nothing."
    SERVER_PACKETS "tandem_server_packets_total" Counter ["service" "server" "direction"]
        "Packets to the real server (in) and from it (out)."
        "In and nothing out: the server, or its default route."
    SERVER_BYTES "tandem_server_bytes_total" Counter ["service" "server" "direction"]
        "Bytes to the real server (in) and from it (out), IP headers among them."
        "Nothing."

    SERVER_EFFECTIVE_WEIGHT "tandem_server_effective_weight" Gauge ["service" "server"]
        "The weight by which the real server gets new connections: 0 for one that is down or taken out."
        "0: it is down or taken out; `tandem services`."
    SERVER_TRANSITIONS "tandem_server_transitions_total" Counter ["service" "server"]
        "Times that the real server went up or down, as its checks find; restarts do not begin it anew."
        "Grows: it flaps; a slower check (`fall`, `timeout`), or the server's own log."
    SERVER_DOWN "tandem_server_down_seconds_total" Counter ["service" "server"]
        "Time that the real server was down since the start of tandem-control."
        "Nothing."
    SERVER_SINCE "tandem_server_state_since_timestamp_seconds" Gauge ["service" "server"]
        "Since when the real server is up or down, since 1970."
        "Nothing."
    SERVER_OUT "tandem_server_taken_out" Gauge ["service" "server" "state"]
        "1 for what was decided about the real server: drain or maintenance."
        "1 for longer than was meant: `tandem enable SERVICE SERVER`."
    SERVICE_SERVERS "tandem_service_servers" Gauge ["service"]
        "Real servers of the service."
        "Nothing."
    SERVICE_SERVERS_UP "tandem_service_servers_up" Gauge ["service"]
        "Real servers of the service that are up and were not taken out."
        "0: `tandem status`."
    SERVICE_QUORUM "tandem_service_quorum" Gauge ["service"]
        "1 if the weights of the real servers that are up add up to the quorum."
        "0: more servers up, or a lower quorum."
    SERVICE_PANIC "tandem_service_panic" Gauge ["service"]
        "1 if checks are ignored because too few real servers are up, or none."
        "1: `tandem status`; mend the servers, or their check if they serve."
    SERVICE_SORRY "tandem_service_sorry" Gauge ["service"]
        "1 if new connections go to the sorry servers."
        "1: no server can; `tandem status`."
    SERVER_PEER "tandem_servers_peer_told" Gauge []
        "1 if the peer has all that operators want of servers, and this machine what the peer says."
        "0 for minutes: the link between the machines; `tandem status`."

    CHECK_UP "tandem_server_check_up" Gauge ["service" "server" "check"]
        "1 if the check of the real server finds it up."
        "0: `tandem_server_check_result` says how it fails."
    CHECK_DURATION "tandem_server_check_duration_seconds" Gauge ["service" "server" "check"]
        "How long the last check took."
        "Near the check's `timeout`: the server is slow."
    CHECK_LAST "tandem_server_check_last_timestamp_seconds" Gauge ["service" "server" "check"]
        "When the last check ended, since 1970."
        "Older than a few intervals: `journalctl -u tandem-control`."
    CHECK_FAILURES "tandem_server_check_failures_total" Counter ["service" "server" "check"]
        "Checks that failed and counted, since the check was configured."
        "Grows: the server's own log."
    CHECK_LATE "tandem_server_check_late_total" Counter ["service" "server" "check"]
        "Checks that began more than 20 ms after their time, since the check was configured."
        "Grows: `tandem-control` is kept from running; cores of its own."
    CHECK_RESULT "tandem_server_check_result" Gauge ["service" "server" "check" "code"]
        "1 for how the last check ended, in HAProxy's words: L7OK, L4CON and so on; of other codes there is no series."
        "L4CON, L4TOUT: the server or the network; L7STS, L7RSP: its application."
    CHECKS "tandem_checks" Gauge []
        "Checks that are made, equal ones counted once."
        "Nothing."
    CHECKS_BEGUN "tandem_check_begun_total" Counter []
        "Checks that began, since the start of tandem-control."
        "Nothing."
    CHECKS_LATE "tandem_check_late_total" Counter []
        "Checks that began more than 20 ms after their time, since the start of tandem-control."
        "As `tandem_server_check_late_total`."
    CHECKS_VOIDED "tandem_check_void_total" Counter []
        "Checks without an answer that did not count, because the private network had failed."
        "As `tandem_checks_void`."
    CHECKS_VOID "tandem_checks_void" Gauge []
        "1 while checks without an answer do not count, because the private network has failed."
        "1: the private NIC, its cable, its switch."

    CONTROL_INFO "tandem_control_info" Gauge ["version" "node"]
        "1, with tandem-control's version and the machine's name."
        "As `tandem_dataplane_info`."
    CONTROL_UPTIME "tandem_control_uptime_seconds" Gauge []
        "Time since the start of tandem-control."
        "Starts again unasked: `journalctl -u tandem-control`."
    BOOT "tandem_boot_seconds" Gauge ["phase"]
        "Time that a phase of the machine's boot took: firmware, kernel, userspace, forwarding. Missing where it is not known."
        "Nothing."
    NEXT_HOPS "tandem_next_hops" Gauge ["side"]
        "Next hops of the configuration (gateways and real servers) that this machine asks by ARP."
        "Nothing."
    NEXT_HOPS_ANSWERING "tandem_next_hops_answering" Gauge ["side"]
        "Next hops that answer this machine."
        "Less than `tandem_next_hops`: `tandem status` says who is silent."
    PEER_NEXT_HOPS "tandem_peer_next_hops_answering" Gauge ["side"]
        "Next hops that answer the peer, by its last heartbeat."
        "Less than ours: `tandem status` on the peer."
    NIC_STUCK "tandem_nic_transmit_stuck" Gauge ["side"]
        "1 if a transmit queue takes nothing though packets wait and the link is up."
        "1: the switch's pause frames, or the driver; the machine has become unfit."
    TICK_LATENESS "tandem_control_tick_lateness_seconds" Histogram []
        "How late tandem-control came to its own ticks."
        "Above 30 ms: `tandem-control` is kept from running; `tandem doctor`."
    ORDER "tandem_control_order_seconds" Histogram []
        "How long the dataplane took to answer an order about the role."
        "Above 30 ms: the main core is kept from running; `tandem doctor`."
    LOG_LOST "tandem_control_log_lost_lines_total" Counter []
        "Lines of tandem-control's log that were lost because they were not read quickly enough."
        "Grows: journald or its disk."
    EVENTS "tandem_events_total" Counter ["kind"]
        "Events of the machine by kind, as tandem events shows them; restarts do not begin it anew."
        "Grows: `tandem events --kind KIND`."
    EVENTS_LOST "tandem_events_lost_total" Counter []
        "Events that are not in the history on disk, for want of room or because the disk refused them, since the start of tandem-control."
        "Grows: the disk of `node.state` is full, or fails."
    HOOK_EVENTS "tandem_hook_events_total" Counter ["hook" "result"]
        "Events given to a hook, by what became of them: done, failed or dropped."
        "`failed` or `dropped` grows: `tandem events --kind hook` says why."
    HOOK_WAITING "tandem_hook_waiting_events" Gauge ["hook"]
        "Events that wait for a hook."
        "Grows: the hook is slower than what happens."
    TERM "tandem_term" Gauge []
        "The number of the last takeover that this machine knows of."
        "Nothing."
    READY "tandem_ready" Gauge []
        "1 if this machine is active or could be."
        "0: `tandem status` says why."
    DAMPED "tandem_damped_seconds" Gauge []
        "How long this machine, whose links or next hops were lost again and again, takes the role only where the peer cannot have it; 0 if it is not damped."
        "Above 0: cables, transceivers, the switch; `tandem status` says how often."
    TAKEOVERS "tandem_takeovers_total" Counter []
        "Times that this machine became active; restarts do not begin it anew."
        "Grows unasked: `tandem events --kind role`."
    NOTICES "tandem_notices_total" Counter ["notice"]
        "What the role's state machine reported, by kind, as the log has it."
        "Grows: `journalctl -u tandem-control`."
    ANNOUNCEMENTS "tandem_announcements_total" Counter []
        "Announcements of floating addresses (gratuitous ARP frames) sent."
        "Nothing."
    CONFLICTS "tandem_address_conflicts_total" Counter []
        "Times that another station announced an address of ours."
        "Grows: find the station in `journalctl -u tandem-control`, and take the address from it."
    PEER_UP "tandem_peer_up" Gauge []
        "1 if the peer's heartbeats arrive on any path."
        "0: the peer is off, or every path is cut."
    PEER_ACTIVE "tandem_peer_active" Gauge []
        "1 if the peer was active by its last heartbeat."
        "As `tandem_active`."
    PEER_READY "tandem_peer_ready" Gauge []
        "1 if the peer was ready by its last heartbeat."
        "0: `tandem status` on the peer."
    PEER_SILENCE "tandem_peer_silence_seconds" Gauge []
        "Time since the peer's last heartbeat."
        "Near `peer.dead`: a starved machine or a lossy path."
    PAIR_WARNINGS "tandem_pair_warnings" Gauge []
        "Warnings about the pair in `tandem status`: the peer lives, and something that it says is wrong."
        "Above 0: `tandem status` says what to change."
    CONFIGURATION_DIFFERS "tandem_configuration_differs" Gauge ["section"]
        "1 if this section of the configuration has been another than the peer's for 10 seconds."
        "1: make the section the same on both machines."
    PEER_TIMERS "tandem_peer_timers_differ" Gauge []
        "1 if the peer's dead interval or lease is another than this machine's."
        "1: make `peer.dead` and `peer.lease` the same, one machine after the other."

    HEARTBEAT_UP "tandem_heartbeat_path_up" Gauge ["local" "remote"]
        "1 if the peer's heartbeats arrive on the path."
        "0: the cable or network of that path; `tandem status`."
    HEARTBEAT_SILENCE "tandem_heartbeat_silence_seconds" Gauge ["local" "remote"]
        "Time since the peer's last heartbeat on the path."
        "Near `peer.dead`: a lossy path."
    HEARTBEAT_SENT "tandem_heartbeat_sent_total" Counter ["local" "remote"]
        "Datagrams sent on the path."
        "Nothing."
    HEARTBEAT_RECEIVED "tandem_heartbeat_received_total" Counter ["local" "remote"]
        "Heartbeats of the peer that came on the path and count."
        "Slower than the peer's sent: heartbeats are lost."
    HEARTBEAT_REFUSED "tandem_heartbeat_refused_total" Counter ["local" "remote" "reason"]
        "Datagrams that came on the path and do not count, by reason."
        "Reason `authentication`: `tandem key status` on both machines; else see the log."
    HEARTBEAT_GAP "tandem_heartbeat_gap_seconds" Histogram ["local" "remote"]
        "Time between two heartbeats of the peer on the path."
        "Its tail near `peer.dead`: a starved machine or a lossy path."

    SYNC_LINK "tandem_sync_link" Gauge ["direction"]
        "1 for the direction in which connection sync is up: sending or receiving."
        "In no direction: `tandem status`."
    SYNC_STATE "tandem_sync_state" Gauge ["state"]
        "1 for what the dataplane does about sync: off, bulk or following."
        "Bulk for minutes: `tandem_sync_lag_events`, the link between the machines."
    SYNC_COMPLETE "tandem_sync_complete" Gauge []
        "1 if the standby machine has every connection, as far as this machine knows."
        "0 for minutes: a takeover would lose connections; `tandem status`."
    SYNC_LAG "tandem_sync_lag_events" Gauge []
        "Connection events that the peer has not confirmed yet."
        "Grows: a faster link between the machines."
    SYNC_EVENTS "tandem_sync_events_total" Counter []
        "Connection events written to the peer or installed here."
        "Nothing."
    SYNC_OVERFLOWS "tandem_sync_overflows_total" Counter []
        "Times that events came faster than they were taken, and all connections were sent again."
        "Grows: a faster link between the machines."
    SYNC_MISMATCHES "tandem_sync_mismatches_total" Counter []
        "Comparisons with the peer's count and digest that failed."
        "Grows: report it with both logs."
    SYNC_REFUSED "tandem_sync_refused_events_total" Counter []
        "Connection events that did not fit into this machine's table."
        "Grows: the same `node.connections` on both machines."
    SYNC_MISSING "tandem_sync_missing_connections" Gauge []
        "Connections of the active machine for which this one has no room, as far as they were compared."
        "Above 0: the same `node.connections` and `node.workers` on both machines."
    SYNC_UNSERVED "tandem_sync_unserved_connections_total" Counter []
        "Connections installed whose service or server this machine's configuration lacks."
        "Grows: the same services on both machines, in the same order."
    SYNC_SWEPT "tandem_sync_swept_connections_total" Counter []
        "Connections removed because the active machine no longer had them."
        "Nothing."
    SYNC_STREAMS "tandem_sync_streams_total" Counter []
        "Streams between the machines that came up."
        "Grows: the link between the machines comes and goes."
    SYNC_SENT "tandem_sync_sent_bytes_total" Counter []
        "Bytes of connection sync sent to the peer."
        "Nothing."
    SYNC_RECEIVED "tandem_sync_received_bytes_total" Counter []
        "Bytes of connection sync received from the peer."
        "Nothing."
    SYNC_CONNECTIONS "tandem_sync_refused_connections_total" Counter ["reason"]
        "Connections to the sync port that were refused, by reason."
        "Grows: reason `handshake` is another key, `address` a stranger; see the log."

    PROCESS_CPU "process_cpu_seconds_total" Counter []
        "Processor time of tandem-control."
        "A rate near 1: scrapes without pause, or thousands of checks."
    PROCESS_FILES "process_open_fds" Gauge []
        "File descriptors that tandem-control has open."
        "Near the most: report it."
    PROCESS_MOST_FILES "process_max_fds" Gauge []
        "File descriptors that tandem-control may have open."
        "Nothing."
    PROCESS_VIRTUAL "process_virtual_memory_bytes" Gauge []
        "Address space of tandem-control."
        "Nothing."
    PROCESS_RESIDENT "process_resident_memory_bytes" Gauge []
        "Memory of tandem-control."
        "Only grows: a leak; report it."
    PROCESS_START "process_start_time_seconds" Gauge []
        "When tandem-control was started, since 1970."
        "Nothing."
    PROCESS_THREADS "process_threads" Gauge []
        "Threads of tandem-control."
        "Nothing."
    LEFT_OUT "tandem_metrics_left_out_series" Gauge []
        "Series that this scrape left out, as it has room for 300,000."
        "Above 0: scrape less (fewer servers), or ask `tandem services --json`."
}
