//! Connections and their translation: the table, services, schedulers, ports, TCP states and timers.
