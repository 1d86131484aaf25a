//! Configuration of a port, checked against what the device can do.

use std::mem::MaybeUninit;
use std::sync::Arc;

use dpdk_sys::{rte_eth_conf, rte_eth_dev_info};

use super::events;
use super::queue::Started;
use super::{Capabilities, Port, PortConfig, PortId, QueueIndex, RxQueue, TxQueue, described};
use crate::eal::{control, describe};

/// Why a port could not be configured or started.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PortError {
    /// More queues were asked for than the device has.
    #[error("{device}: {asked} {kind} queues were asked for, and the device has {offered}")]
    Queues {
        /// The name of the device.
        device: String,
        /// Which queues they are: "receive" or "transmit".
        kind: &'static str,
        /// The number of queues that was asked for.
        asked: u16,
        /// The number of queues that the device has.
        offered: u16,
    },
    /// Neither receive nor transmit queues were asked for.
    #[error("{device}: no queue was asked for, and a port without any does nothing")]
    NoQueue {
        /// The name of the device.
        device: String,
    },
    /// The MTU is outside of what the device supports.
    #[error("{device}: an MTU of {asked} was asked for, and the device does {least} to {most}")]
    Mtu {
        /// The name of the device.
        device: String,
        /// The MTU that was asked for, in bytes.
        asked: u16,
        /// The device's smallest MTU in bytes.
        least: u16,
        /// The device's largest MTU in bytes.
        most: u16,
    },
    /// The driver refused a step of the configuration.
    #[error("{device}: the driver refused to {step}: {cause}")]
    Refused {
        /// The name of the device.
        device: String,
        /// What the driver was asked to do, as the end of "refused to".
        step: &'static str,
        /// DPDK's reason, in words.
        cause: String,
    },
}

/// Sizes of queues where the driver names none.
const DESCRIPTORS: u16 = 1024;

pub(super) fn info(id: PortId) -> Result<rte_eth_dev_info, PortError> {
    let mut info = MaybeUninit::<rte_eth_dev_info>::zeroed();
    // SAFETY: DPDK checks the number; all zeros are a valid value to begin with.
    let result = unsafe { dpdk_sys::rte_eth_dev_info_get(id.0, info.as_mut_ptr()) };
    if result != 0 {
        let device = format!("port {}", id.0);
        return Err(PortError::Refused {
            device,
            step: "tell about itself",
            cause: describe(result),
        });
    }
    // SAFETY: as above, and DPDK has filled it in.
    Ok(unsafe { info.assume_init() })
}

impl PortConfig {
    /// A frame of the largest size lies in several buffers. Drivers send and receive
    /// chains in slower ways, so only then are they asked for it.
    fn needs_chains(&self) -> bool {
        let room =
            u32::from(self.mempool.data_room()).saturating_sub(dpdk_sys::TANDEM_MBUF_HEADROOM);
        u32::from(self.mtu) + dpdk_sys::TANDEM_ETHER_OVERHEAD > room
    }
}

/// A port on its way to being started, with the name that errors give it.
struct Setup<'a> {
    id: PortId,
    device: String,
    config: &'a PortConfig,
    info: rte_eth_dev_info,
}

impl Port {
    /// Configures and starts a port. Its queues are handed out here and nowhere else.
    ///
    /// # Errors
    ///
    /// Returns [`PortError`], with the device, what was asked for and what it offers.
    pub fn start(
        id: PortId,
        name: &str,
        config: &PortConfig,
    ) -> Result<(Self, Vec<RxQueue>, Vec<TxQueue>), PortError> {
        // From the first look at the port until it runs: DPDK refuses to configure one that
        // runs, so nobody else gets its queues.
        let control = control();
        let mut setup = Setup { id, device: name.to_owned(), config, info: info(id)? };
        let Capabilities { driver, rss_table, .. } = described(&setup.info);
        setup.check()?;
        events::watch(id, name)
            .map_err(|cause| setup.refused("tell of its link, resets and removal", cause))?;
        let started = setup.bring_up();
        if started.is_err() {
            events::forget(id);
        }
        started?;
        if config.promiscuous {
            // Not every virtual device can; those receive everything anyway.
            // SAFETY: the port is started.
            unsafe { dpdk_sys::rte_eth_promiscuous_enable(id.0) };
        }
        let shared = Arc::new(Started::new(id));
        drop(control);
        let rx = (0..config.rx_queues).map(|n| RxQueue::new(Arc::clone(&shared), QueueIndex(n)));
        let tx = (0..config.tx_queues).map(|n| TxQueue::new(Arc::clone(&shared), QueueIndex(n)));
        let queues = (rx.collect(), tx.collect());
        Ok((Port { shared, driver, rss_table }, queues.0, queues.1))
    }
}

impl Setup<'_> {
    fn bring_up(&mut self) -> Result<(), PortError> {
        self.configure()?;
        self.set_up_queues()?;
        // SAFETY: the port is configured and all its queues are set up.
        self.step("start", unsafe { dpdk_sys::rte_eth_dev_start(self.id.0) })
    }

    fn refused(&self, step: &'static str, cause: i32) -> PortError {
        PortError::Refused { device: self.device.clone(), step, cause: describe(cause) }
    }

    fn step(&self, step: &'static str, result: i32) -> Result<(), PortError> {
        if result == 0 {
            return Ok(());
        }
        Err(self.refused(step, result))
    }

    /// Whether the device can interrupt for this.
    fn interrupts_for(&self, flag: u32) -> bool {
        // SAFETY: DPDK points to flags of the device, which stay while the port does, or to
        // nothing.
        unsafe { self.info.dev_flags.as_ref() }.is_some_and(|flags| flags & flag != 0)
    }

    fn check(&self) -> Result<(), PortError> {
        if self.config.rx_queues == 0 && self.config.tx_queues == 0 {
            return Err(PortError::NoQueue { device: self.device.clone() });
        }
        let counts = [
            ("receive", self.config.rx_queues, self.info.max_rx_queues),
            ("transmit", self.config.tx_queues, self.info.max_tx_queues),
        ];
        for (kind, asked, offered) in counts {
            if asked > offered {
                return Err(PortError::Queues {
                    device: self.device.clone(),
                    kind,
                    asked,
                    offered,
                });
            }
        }
        let (least, most) = (self.info.min_mtu, self.info.max_mtu);
        let asked = self.config.mtu;
        let fits = most == 0 || (least <= asked && asked <= most);
        if fits {
            return Ok(());
        }
        Err(PortError::Mtu { device: self.device.clone(), asked, least, most })
    }

    fn configure(&mut self) -> Result<(), PortError> {
        let mut conf = MaybeUninit::<rte_eth_conf>::zeroed();
        // SAFETY: all zeros are DPDK's default configuration.
        let conf = unsafe {
            let conf = conf.assume_init_mut();
            conf.rxmode.mtu = u32::from(self.config.mtu);
            conf
        };
        let checksum = u64::from(dpdk_sys::TANDEM_RX_IPV4_CHECKSUM);
        conf.rxmode.offloads = self.info.rx_offload_capa & checksum;
        if self.config.needs_chains() {
            conf.rxmode.offloads |=
                self.info.rx_offload_capa & u64::from(dpdk_sys::TANDEM_RX_SCATTER);
            conf.txmode.offloads =
                self.info.tx_offload_capa & u64::from(dpdk_sys::TANDEM_TX_MULTI_SEGS);
        }
        if self.config.rx_queues > 1 && self.info.flow_type_rss_offloads != 0 {
            conf.rxmode.mq_mode = dpdk_sys::RTE_ETH_MQ_RX_RSS;
            conf.rx_adv_conf.rss_conf.rss_hf = self.info.flow_type_rss_offloads;
        }
        // A driver refuses what its device does not have.
        conf.intr_conf.set_lsc(self.interrupts_for(dpdk_sys::TANDEM_INTERRUPT_LINK).into());
        conf.intr_conf.set_rmv(self.interrupts_for(dpdk_sys::TANDEM_INTERRUPT_REMOVAL).into());
        let (rx, tx) = (self.config.rx_queues, self.config.tx_queues);
        // SAFETY: the configuration is complete, and DPDK copies it.
        let result = unsafe { dpdk_sys::rte_eth_dev_configure(self.id.0, rx, tx, conf) };
        self.step("be configured", result)?;
        // Devices without receive queues keep their MTU; it bounds what is sent, which the
        // caller does anyway.
        // SAFETY: the port is configured.
        let result = unsafe { dpdk_sys::rte_eth_dev_set_mtu(self.id.0, self.config.mtu) };
        let unsupported = result == -libc::ENOTSUP || result == -libc::ENOSYS;
        if unsupported { Ok(()) } else { self.step("set its MTU", result) }
    }

    fn set_up_queues(&mut self) -> Result<(), PortError> {
        let mut rx = self.config.rx_descriptors.unwrap_or(DESCRIPTORS);
        let mut tx = self.config.tx_descriptors.unwrap_or(DESCRIPTORS);
        // SAFETY: the port is configured; the numbers are places of ours.
        let result =
            unsafe { dpdk_sys::rte_eth_dev_adjust_nb_rx_tx_desc(self.id.0, &mut rx, &mut tx) };
        self.step("size its queues", result)?;
        // SAFETY: the port is configured.
        let socket = unsafe { dpdk_sys::rte_eth_dev_socket_id(self.id.0) } as u32;
        for queue in 0..self.config.rx_queues {
            // SAFETY: the queue exists by the configuration; the pool stays for the life
            // of the process; no configuration means the driver's.
            let result = unsafe {
                let pool = self.config.mempool.as_ptr();
                dpdk_sys::rte_eth_rx_queue_setup(
                    self.id.0,
                    queue,
                    rx,
                    socket,
                    core::ptr::null(),
                    pool,
                )
            };
            self.step("set up a receive queue", result)?;
        }
        for queue in 0..self.config.tx_queues {
            // SAFETY: as above.
            let result = unsafe {
                dpdk_sys::rte_eth_tx_queue_setup(self.id.0, queue, tx, socket, core::ptr::null())
            };
            self.step("set up a transmit queue", result)?;
        }
        Ok(())
    }
}
