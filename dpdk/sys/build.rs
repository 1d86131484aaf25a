//! Generates bindings for what pkg-config finds, and compiles the shim against it.

use std::env;
use std::path::{Path, PathBuf};

use bindgen::callbacks::{AttributeInfo, ParseCallbacks, TypeKind};

/// The oldest DPDK whose layout and functions this crate is written for.
const OLDEST: &str = "22.11";

/// The functions of DPDK that are called without the shim.
const FUNCTIONS: &[&str] = &[
    "rte_dev_event_callback_register",
    "rte_eal_init",
    "rte_eal_hotplug_add",
    "rte_eal_hotplug_remove",
    "rte_eal_remote_launch",
    "rte_eal_wait_lcore",
    "rte_eth_allmulticast_enable",
    "rte_eth_dev_adjust_nb_rx_tx_desc",
    "rte_eth_dev_callback_register",
    "rte_eth_dev_callback_unregister",
    "rte_eth_dev_close",
    "rte_eth_dev_configure",
    "rte_eth_dev_count_avail",
    "rte_eth_dev_get_name_by_port",
    "rte_eth_dev_get_port_by_name",
    "rte_eth_dev_info_get",
    "rte_eth_dev_mac_addr_add",
    "rte_eth_dev_rss_hash_conf_get",
    "rte_eth_dev_rss_hash_update",
    "rte_eth_dev_rss_reta_query",
    "rte_eth_dev_rss_reta_update",
    "rte_eth_dev_set_mc_addr_list",
    "rte_eth_dev_set_mtu",
    "rte_eth_dev_socket_id",
    "rte_eth_dev_start",
    "rte_eth_dev_stop",
    "rte_eth_macaddr_get",
    "rte_eth_promiscuous_enable",
    "rte_eth_rx_queue_setup",
    "rte_eth_stats_get",
    "rte_eth_tx_queue_setup",
    "rte_get_tsc_hz",
    "rte_lcore_to_socket_id",
    "rte_log_set_global_level",
    "rte_mempool_avail_count",
    "rte_mempool_in_use_count",
    "rte_pktmbuf_pool_create",
    "rte_ring_create",
    "rte_ring_free",
    "rte_strerror",
    "rte_version",
    "tandem_.*",
];

const TYPES: &[&str] = &[
    "rte_eth_conf",
    "rte_eth_dev_info",
    "rte_eth_fp_ops",
    "rte_eth_rss_conf",
    "rte_eth_rss_reta_entry64",
    "rte_eth_rxconf",
    "rte_eth_stats",
    "rte_eth_txconf",
    "rte_ether_addr",
    "tandem_.*",
];

const VARIABLES: &[&str] = &["rte_eth_fp_ops", "TANDEM_.*"];

/// Releases of DPDK add fields to its structs. A struct that is `non_exhaustive` cannot be
/// written field by field outside of this crate, so code that compiles with one release's
/// fields compiles with another's: it begins with the default, which is all zeros, and sets
/// what it means.
#[derive(Debug)]
struct NonExhaustiveStructs;

impl ParseCallbacks for NonExhaustiveStructs {
    fn add_attributes(&self, info: &AttributeInfo<'_>) -> Vec<String> {
        match info.kind {
            TypeKind::Struct => vec!["#[non_exhaustive]".to_owned()],
            _ => Vec::new(),
        }
    }
}

fn main() {
    println!("cargo:rerun-if-changed=shim");
    println!("cargo:rerun-if-changed=build.rs");
    let dpdk = match pkg_config::Config::new().atleast_version(OLDEST).probe("libdpdk") {
        Ok(dpdk) => dpdk,
        Err(error) => {
            eprintln!(
                "\nDPDK {OLDEST} or newer was not found by pkg-config.\n\
                 On Debian 12 or newer: apt-get install libdpdk-dev pkg-config clang libclang-dev\n\
                 Elsewhere, set PKG_CONFIG_PATH to the folder that holds libdpdk.pc.\n\n{error}"
            );
            std::process::exit(1);
        }
    };
    let flags = c_flags();
    compile(&flags);
    generate(&flags);
    println!("cargo:version={}", dpdk.version);
}

/// What C code that includes DPDK's headers is compiled with, as pkg-config says it.
fn c_flags() -> Vec<String> {
    let output = std::process::Command::new("pkg-config").args(["--cflags", "libdpdk"]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

fn compile(flags: &[String]) {
    let mut build = cc::Build::new();
    build.file("shim/shim.c").opt_level(3).warnings(true).extra_warnings(false);
    for flag in flags {
        build.flag(flag);
    }
    build.compile("tandem_dpdk_shim");
}

fn generate(flags: &[String]) {
    let mut builder = bindgen::Builder::default()
        .header("shim/shim.h")
        .clang_args(flags)
        .layout_tests(true)
        .derive_default(true)
        .generate_comments(false)
        .prepend_enum_name(false)
        .parse_callbacks(Box::new(NonExhaustiveStructs))
        // Reached by pointer alone; their fields through the offsets of the shim.
        .opaque_type("rte_mbuf")
        .opaque_type("rte_mempool")
        .opaque_type("rte_ring");
    for function in FUNCTIONS {
        builder = builder.allowlist_function(function);
    }
    for name in TYPES {
        builder = builder.allowlist_type(name);
    }
    for variable in VARIABLES {
        builder = builder.allowlist_var(variable);
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let bindings = match builder.generate() {
        Ok(bindings) => bindings,
        Err(error) => {
            eprintln!(
                "\nDPDK's headers could not be read: {error}\n\
                 bindgen needs libclang: apt-get install libclang-dev clang"
            );
            std::process::exit(1);
        }
    };
    if let Err(error) = bindings.write_to_file(Path::new(&out).join("bindings.rs")) {
        eprintln!("bindings.rs could not be written: {error}");
        std::process::exit(1);
    }
}
