//! `[public]` and `[private]`.

use std::net::Ipv4Addr;

use wire::MacAddress;

use crate::document::{At, Span, Table, value};
use crate::model::device::Device;
use crate::model::interface::Interface;
use crate::model::multicast::MulticastProtocol;
use crate::read::distinct;
use crate::schema::{self, Section};
use wire::Cidr;

/// One side, typed.
pub(crate) struct RawInterface {
    /// `public` or `private`.
    pub(crate) name: &'static str,
    pub(crate) span: Span,
    pub(crate) device: Option<At<Device>>,
    pub(crate) address: Option<At<Cidr<Ipv4Addr>>>,
    pub(crate) floating: Vec<At<Cidr<Ipv4Addr>>>,
    pub(crate) gateway: Option<At<Ipv4Addr>>,
    pub(crate) mtu: u16,
    pub(crate) routes: Vec<RawRoute>,
    pub(crate) neighbours: Vec<RawNeighbour>,
    pub(crate) rx_descriptors: Option<u16>,
    pub(crate) tx_descriptors: Option<u16>,
    pub(crate) kernel_interface: At<String>,
    pub(crate) kernel_multicast: Vec<MulticastProtocol>,
    pub(crate) mss_clamp: Option<At<u16>>,
    pub(crate) virtual_mac: Option<MacAddress>,
}

pub(crate) struct RawRoute {
    pub(crate) to: Option<At<Cidr<Ipv4Addr>>>,
    pub(crate) via: Option<At<Ipv4Addr>>,
}

pub(crate) struct RawNeighbour {
    pub(crate) address: Option<At<Ipv4Addr>>,
    pub(crate) mac: Option<At<MacAddress>>,
}

pub(super) fn read_public(table: Table<'_>) -> RawInterface {
    let lists = [&schema::PUBLIC_ROUTE, &schema::PUBLIC_NEIGHBOUR];
    read(table, "public", lists, Interface::PUBLIC_KERNEL_INTERFACE)
}

pub(super) fn read_private(table: Table<'_>) -> RawInterface {
    let lists = [&schema::PRIVATE_ROUTE, &schema::PRIVATE_NEIGHBOUR];
    table.expect("floating");
    read(table, "private", lists, Interface::PRIVATE_KERNEL_INTERFACE)
}

fn read(
    table: Table<'_>,
    name: &'static str,
    [routes, neighbours]: [&'static Section; 2],
    kernel_interface: &str,
) -> RawInterface {
    let here = table.span_of("kernel_interface");
    let descriptors = |key| table.optional(key, value::integer(64..=32_768)).map(|at| at.value);
    RawInterface {
        name,
        span: table.span(),
        device: table.required("port", value::device),
        address: table.required("address", value::host_cidr),
        floating: read_floating(&table),
        gateway: table.optional("gateway", value::address),
        mtu: table.optional("mtu", value::integer(68..=9000)).map_or(1500, |mtu| mtu.value),
        routes: table
            .tables("route", routes)
            .map_or(Vec::new(), |list| list.value.into_iter().map(read_route).collect()),
        neighbours: table
            .tables("neighbour", neighbours)
            .map_or(Vec::new(), |list| list.value.into_iter().map(read_neighbour).collect()),
        rx_descriptors: descriptors("rx_descriptors"),
        tx_descriptors: descriptors("tx_descriptors"),
        kernel_interface: table
            .optional("kernel_interface", value::name(15))
            .unwrap_or(At { value: kernel_interface.to_owned(), span: here }),
        kernel_multicast: read_multicast(&table),
        mss_clamp: table.optional("mss_clamp", value::integer(28..=8960)),
        virtual_mac: table.optional("virtual_mac", value::mac).map(|at| at.value),
    }
}

fn read_floating(table: &Table<'_>) -> Vec<At<Cidr<Ipv4Addr>>> {
    table.list("floating", value::host_cidr).map_or(Vec::new(), |list| list.value)
}

fn read_multicast(table: &Table<'_>) -> Vec<MulticastProtocol> {
    let choice = value::choice(MulticastProtocol::CHOICES);
    let Some(list) = table.list("kernel_multicast", choice) else { return Vec::new() };
    let protocols: Vec<_> = list.value.into_iter().map(|at| (at.value, at.span)).collect();
    distinct(table, "kernel_multicast", &protocols, ToString::to_string);
    protocols.into_iter().map(|(protocol, _)| protocol).collect()
}

fn read_route(table: Table<'_>) -> RawRoute {
    RawRoute {
        to: table.required("to", value::network),
        via: table.required("via", value::address),
    }
}

fn read_neighbour(table: Table<'_>) -> RawNeighbour {
    RawNeighbour {
        address: table.required("address", value::address),
        mac: table.required("mac", value::mac),
    }
}
