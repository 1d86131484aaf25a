//! Every metric: its name, kind, labels and meaning. docs/metrics.md has the same list.

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

/// Metrics of one name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    /// The labels of each metric.
    pub labels: &'static [&'static str],
    /// What it means, a sentence.
    pub help: &'static str,
}

/// Declares families as constants, and the list of all.
macro_rules! families {
    ($($constant:ident $name:literal $kind:ident [$($label:literal)*] $help:literal)*) => {
        $(
            #[doc = $help]
            pub const $constant: Family = Family {
                name: $name,
                kind: Kind::$kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        pub const ALL: &[Family] = &[$($constant),*];
    };
}

families! {
    DATAPLANE_UP "tandem_dataplane_up" Gauge []
        "1 if the dataplane answered this scrape."
    DATAPLANE_INFO "tandem_dataplane_info" Gauge ["version" "dpdk" "node"]
        "1, with the dataplane's versions and the machine's name."
    DATAPLANE_UPTIME "tandem_dataplane_uptime_seconds" Gauge []
        "Time since the start of the dataplane."
    ACTIVE "tandem_active" Gauge []
        "1 if this machine's dataplane answers for the floating addresses and forwards."
    CONFIGURATION_GENERATION "tandem_configuration_generation" Gauge []
        "Configurations taken since the start of the dataplane."
    CONFIGURATION_LOADED "tandem_configuration_load_timestamp_seconds" Gauge []
        "When the configuration in force was taken, since 1970."

    NIC_INFO "tandem_nic_info" Gauge ["side" "device" "driver" "mac"]
        "1, with what the NIC is."
    NIC_UP "tandem_nic_up" Gauge ["side"]
        "1 if the link is up."
    NIC_SPEED "tandem_nic_speed_bytes" Gauge ["side"]
        "Speed of the link, in bytes per second, where the driver knows it."
    NIC_RX_PACKETS "tandem_nic_receive_packets_total" Counter ["side"]
        "Packets received."
    NIC_RX_BYTES "tandem_nic_receive_bytes_total" Counter ["side"]
        "Bytes received."
    NIC_RX_MISSED "tandem_nic_receive_missed_packets_total" Counter ["side"]
        "Packets lost because the receive queues were full."
    NIC_RX_ERRORS "tandem_nic_receive_error_packets_total" Counter ["side"]
        "Packets received broken."
    NIC_RX_NO_BUFFER "tandem_nic_receive_no_buffer_packets_total" Counter ["side"]
        "Packets lost because no packet buffer was free."
    NIC_TX_PACKETS "tandem_nic_transmit_packets_total" Counter ["side"]
        "Packets sent."
    NIC_TX_BYTES "tandem_nic_transmit_bytes_total" Counter ["side"]
        "Bytes sent."
    NIC_TX_ERRORS "tandem_nic_transmit_error_packets_total" Counter ["side"]
        "Packets that could not be sent."

    MEMPOOL_SIZE "tandem_mempool_buffers" Gauge ["pool"]
        "Packet buffers of the pool: the workers', or the main core's."
    MEMPOOL_IN_USE "tandem_mempool_buffers_in_use" Gauge ["pool"]
        "Packet buffers that are in a NIC's queues, in a ring, or with whoever works on a packet."

    CONNECTIONS_LIMIT "tandem_connections_limit" Gauge []
        "Connections that the machine can hold, over all workers."
    WORKER_BUSY "tandem_worker_busy_ratio" Gauge ["core"]
        "Share of the worker's polls that found packets."
    WORKER_CONNECTIONS "tandem_worker_connections" Gauge ["core"]
        "Connections in the worker's table."
    WORKER_CAPACITY "tandem_worker_connections_limit" Gauge ["core"]
        "Connections that the worker could have now, if the others took no more."
    WORKER_RX_PACKETS "tandem_worker_receive_packets_total" Counter ["core"]
        "Packets that the worker received."
    WORKER_TX_PACKETS "tandem_worker_transmit_packets_total" Counter ["core"]
        "Packets that the worker sent."
    WORKER_DROPPED "tandem_worker_dropped_packets_total" Counter ["core"]
        "Packets that the worker dropped, for whichever reason."
    WORKER_EVENTS "tandem_worker_events_total" Counter ["core" "counter"]
        "The worker's other counters, by their names in tandem counters."
    DROPPED "tandem_dropped_packets_total" Counter ["reason"]
        "Packets dropped, by reason; docs/counters.md explains each."

    SERVICE_CONNECTIONS "tandem_service_connections_total" Counter ["service" "listen" "protocol"]
        "Connections made to the service."
    SERVICE_PACKETS "tandem_service_packets_total" Counter ["service" "listen" "protocol" "direction"]
        "Packets from clients (in) and to them (out)."
    SERVICE_BYTES "tandem_service_bytes_total" Counter ["service" "listen" "protocol" "direction"]
        "Bytes from clients (in) and to them (out), IP headers among them."
    SERVICE_SORRY_ONLY "tandem_service_sorry_only" Gauge ["service"]
        "1 while new connections go to the sorry servers whatever the servers are."
    SERVER_SORRY "tandem_server_sorry" Gauge ["service" "server"]
        "1 for a sorry server."
    SERVICE_CLIENTS "tandem_service_persistent_clients" Gauge ["service"]
        "Clients that keep their servers; those of its group, if other services share them. Only of services with persist."
    CLIENTS "tandem_persistent_clients" Gauge []
        "Clients of all services that keep their servers."
    CLIENTS_LIMIT "tandem_persistent_clients_limit" Gauge []
        "Persistent clients that there is room for."
    CLIENTS_EVICTED "tandem_persistent_clients_evicted_total" Counter []
        "Persistent clients that were forgotten before their time, to make room for others."
    SERVICE_LIMIT "tandem_service_connections_limit" Gauge ["service"]
        "The most connections of the service, if it has a limit."
    SERVICE_FULL "tandem_service_full" Gauge ["service"]
        "1 while the service takes no connection because of its limit."
    SERVER_LIMIT "tandem_server_connections_limit" Gauge ["service" "server"]
        "The most connections of the real server, if it has a limit."
    SERVER_FULL "tandem_server_full" Gauge ["service" "server"]
        "1 while the real server takes no connection because of its limit."
    SERVER_STATE "tandem_server_state" Gauge ["service" "server" "state"]
        "1 for the state that the real server is in: up, draining or down."
    SERVER_WEIGHT "tandem_server_weight" Gauge ["service" "server"]
        "The real server's weight, as the configuration or an operator has it."
    SERVER_SUSPECT "tandem_server_suspect" Gauge ["service" "server"]
        "1 while the real server is avoided because clients failed at it."
    SERVER_RETURN_PATH "tandem_server_return_path" Gauge ["service" "server" "state"]
        "1 for what is known of the way back of the real server's answers: ok, missing or unknown."
    SERVER_ACTIVE "tandem_server_active_connections" Gauge ["service" "server"]
        "Connections to the real server that open or are open."
    SERVER_OF_STATE "tandem_server_connections" Gauge ["service" "server" "state"]
        "Connections to the real server by their state: opening, established or closing. Those that close are remembered until nothing of them can come any more."
    SERVER_CONNECTIONS "tandem_server_connections_total" Counter ["service" "server"]
        "Connections made to the real server."
    SERVER_PACKETS "tandem_server_packets_total" Counter ["service" "server" "direction"]
        "Packets to the real server (in) and from it (out)."
    SERVER_BYTES "tandem_server_bytes_total" Counter ["service" "server" "direction"]
        "Bytes to the real server (in) and from it (out), IP headers among them."

    SERVER_EFFECTIVE_WEIGHT "tandem_server_effective_weight" Gauge ["service" "server"]
        "The weight by which the real server gets new connections: 0 for one that is down or taken out."
    SERVER_TRANSITIONS "tandem_server_transitions_total" Counter ["service" "server"]
        "Times that the real server went up or down, as its checks find; restarts do not begin it anew."
    SERVER_DOWN "tandem_server_down_seconds_total" Counter ["service" "server"]
        "Time that the real server was down since the start of tandem-control."
    SERVER_SINCE "tandem_server_state_since_timestamp_seconds" Gauge ["service" "server"]
        "Since when the real server is up or down, since 1970."
    SERVER_OUT "tandem_server_taken_out" Gauge ["service" "server" "state"]
        "1 for what was decided about the real server: drain or maintenance."
    SERVICE_SERVERS "tandem_service_servers" Gauge ["service"]
        "Real servers of the service."
    SERVICE_SERVERS_UP "tandem_service_servers_up" Gauge ["service"]
        "Real servers of the service that are up and were not taken out."
    SERVICE_QUORUM "tandem_service_quorum" Gauge ["service"]
        "1 if the weights of the real servers that are up add up to the quorum."
    SERVICE_PANIC "tandem_service_panic" Gauge ["service"]
        "1 if checks are ignored because too few real servers are up, or none."
    SERVICE_SORRY "tandem_service_sorry" Gauge ["service"]
        "1 if new connections go to the sorry servers."
    SERVER_PEER "tandem_servers_peer_told" Gauge []
        "1 if the peer has all that operators want of servers, and this machine what the peer says."

    CHECK_UP "tandem_server_check_up" Gauge ["service" "server" "check"]
        "1 if the check of the real server finds it up."
    CHECK_DURATION "tandem_server_check_duration_seconds" Gauge ["service" "server" "check"]
        "How long the last check took."
    CHECK_LAST "tandem_server_check_last_timestamp_seconds" Gauge ["service" "server" "check"]
        "When the last check ended, since 1970."
    CHECK_FAILURES "tandem_server_check_failures_total" Counter ["service" "server" "check"]
        "Checks that failed and counted, since the check was configured."
    CHECK_LATE "tandem_server_check_late_total" Counter ["service" "server" "check"]
        "Checks that began more than 20 ms after their time, since the check was configured."
    CHECK_RESULT "tandem_server_check_result" Gauge ["service" "server" "check" "code"]
        "1 for how the last check ended, in HAProxy's words: L7OK, L4CON and so on."
    CHECKS "tandem_checks" Gauge []
        "Checks that are made, equal ones counted once."
    CHECKS_BEGUN "tandem_check_begun_total" Counter []
        "Checks that began, since the start of tandem-control."
    CHECKS_LATE "tandem_check_late_total" Counter []
        "Checks that began more than 20 ms after their time, since the start of tandem-control."
    CHECKS_VOIDED "tandem_check_void_total" Counter []
        "Checks without an answer that did not count, because the private network had failed."
    CHECKS_VOID "tandem_checks_void" Gauge []
        "1 while checks without an answer do not count, because the private network has failed."

    CONTROL_INFO "tandem_control_info" Gauge ["version" "node"]
        "1, with tandem-control's version and the machine's name."
    CONTROL_UPTIME "tandem_control_uptime_seconds" Gauge []
        "Time since the start of tandem-control."
    BOOT "tandem_boot_seconds" Gauge ["phase"]
        "Time that a phase of the machine's boot took: firmware, kernel, userspace, forwarding. Missing where it is not known."
    NEXT_HOPS "tandem_next_hops" Gauge ["side"]
        "Next hops of the configuration (gateways and real servers) that this machine asks by ARP."
    NEXT_HOPS_ANSWERING "tandem_next_hops_answering" Gauge ["side"]
        "Next hops that answer this machine."
    PEER_NEXT_HOPS "tandem_peer_next_hops_answering" Gauge ["side"]
        "Next hops that answer the peer, by its last heartbeat."
    NIC_STUCK "tandem_nic_transmit_stuck" Gauge ["side"]
        "1 if a transmit queue takes nothing though packets wait and the link is up."
    TICK_LATENESS "tandem_control_tick_lateness_seconds" Histogram []
        "How late tandem-control came to its own ticks."
    ORDER "tandem_control_order_seconds" Histogram []
        "How long the dataplane took to answer an order about the role."
    LOG_LOST "tandem_control_log_lost_lines_total" Counter []
        "Lines of tandem-control's log that were lost because they were not read quickly enough."
    EVENTS "tandem_events_total" Counter ["kind"]
        "Events of the machine by kind, as tandem events shows them; restarts do not begin it anew."
    EVENTS_LOST "tandem_events_lost_total" Counter []
        "Events that are not in the history on disk, for want of room or because the disk refused them, since the start of tandem-control."
    HOOK_EVENTS "tandem_hook_events_total" Counter ["hook" "result"]
        "Events given to a hook, by what became of them: done, failed or dropped."
    HOOK_WAITING "tandem_hook_waiting_events" Gauge ["hook"]
        "Events that wait for a hook."
    TERM "tandem_term" Gauge []
        "The number of the last takeover that this machine knows of."
    READY "tandem_ready" Gauge []
        "1 if this machine is active or could be."
    DAMPED "tandem_damped_seconds" Gauge []
        "How long this machine, whose links or next hops were lost again and again, takes the role only where the peer cannot have it; 0 if it is not damped."
    TAKEOVERS "tandem_takeovers_total" Counter []
        "Times that this machine became active; restarts do not begin it anew."
    NOTICES "tandem_notices_total" Counter ["notice"]
        "What the role's state machine reported, by kind, as the log has it."
    ANNOUNCEMENTS "tandem_announcements_total" Counter []
        "Announcements of floating addresses (gratuitous ARP frames) sent."
    CONFLICTS "tandem_address_conflicts_total" Counter []
        "Times that another station announced an address of ours."
    PEER_UP "tandem_peer_up" Gauge []
        "1 if the peer's heartbeats arrive on any path."
    PEER_ACTIVE "tandem_peer_active" Gauge []
        "1 if the peer was active by its last heartbeat."
    PEER_READY "tandem_peer_ready" Gauge []
        "1 if the peer was ready by its last heartbeat."
    PEER_SILENCE "tandem_peer_silence_seconds" Gauge []
        "Time since the peer's last heartbeat."
    PAIR_WARNINGS "tandem_pair_warnings" Gauge []
        "Warnings about the pair in `tandem status`: the peer lives, and something that it says is wrong."
    CONFIGURATION_DIFFERS "tandem_configuration_differs" Gauge ["section"]
        "1 if this section of the configuration has been another than the peer's for 10 seconds."
    PEER_TIMERS "tandem_peer_timers_differ" Gauge []
        "1 if the peer's dead interval or lease is another than this machine's."

    HEARTBEAT_UP "tandem_heartbeat_path_up" Gauge ["local" "remote"]
        "1 if the peer's heartbeats arrive on the path."
    HEARTBEAT_SILENCE "tandem_heartbeat_silence_seconds" Gauge ["local" "remote"]
        "Time since the peer's last heartbeat on the path."
    HEARTBEAT_SENT "tandem_heartbeat_sent_total" Counter ["local" "remote"]
        "Datagrams sent on the path."
    HEARTBEAT_RECEIVED "tandem_heartbeat_received_total" Counter ["local" "remote"]
        "Heartbeats of the peer that came on the path and count."
    HEARTBEAT_REFUSED "tandem_heartbeat_refused_total" Counter ["local" "remote" "reason"]
        "Datagrams that came on the path and do not count, by reason."
    HEARTBEAT_GAP "tandem_heartbeat_gap_seconds" Histogram ["local" "remote"]
        "Time between two heartbeats of the peer on the path."

    SYNC_LINK "tandem_sync_link" Gauge ["direction"]
        "1 for the direction in which connection sync is up: sending or receiving."
    SYNC_STATE "tandem_sync_state" Gauge ["state"]
        "1 for what the dataplane does about sync: off, bulk or following."
    SYNC_COMPLETE "tandem_sync_complete" Gauge []
        "1 if the standby machine has every connection, as far as this machine knows."
    SYNC_LAG "tandem_sync_lag_events" Gauge []
        "Connection events that the peer has not confirmed yet."
    SYNC_EVENTS "tandem_sync_events_total" Counter []
        "Connection events written to the peer or installed here."
    SYNC_OVERFLOWS "tandem_sync_overflows_total" Counter []
        "Times that events came faster than they were taken, and all connections were sent again."
    SYNC_MISMATCHES "tandem_sync_mismatches_total" Counter []
        "Comparisons with the peer's count and digest that failed."
    SYNC_REFUSED "tandem_sync_refused_events_total" Counter []
        "Connection events that did not fit into this machine's table."
    SYNC_MISSING "tandem_sync_missing_connections" Gauge []
        "Connections of the active machine for which this one has no room, as far as they were compared."
    SYNC_UNSERVED "tandem_sync_unserved_connections_total" Counter []
        "Connections installed whose service or server this machine's configuration lacks."
    SYNC_SWEPT "tandem_sync_swept_connections_total" Counter []
        "Connections removed because the active machine no longer had them."
    SYNC_STREAMS "tandem_sync_streams_total" Counter []
        "Streams between the machines that came up."
    SYNC_SENT "tandem_sync_sent_bytes_total" Counter []
        "Bytes of connection sync sent to the peer."
    SYNC_RECEIVED "tandem_sync_received_bytes_total" Counter []
        "Bytes of connection sync received from the peer."
    SYNC_CONNECTIONS "tandem_sync_refused_connections_total" Counter ["reason"]
        "Connections to the sync port that were refused, by reason."
}
