//! The lab: network namespaces in which the appliance meets real clients and servers.
