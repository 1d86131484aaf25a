//! The kernel's command line: GRUB's part of it, and what the running kernel still lacks.

use config::CoreId;
use host::{Host, core_list};

use super::action::Action;
use super::pages::Wanted;

pub(super) const PATH: &str = "/etc/default/grub.d/tandem.cfg";

/// The words for these cores and pages; with the IOMMU's where NICs are behind it.
pub(super) fn arguments(
    host: &Host,
    isolated: &[CoreId],
    pages: &Wanted,
    needs_iommu: bool,
) -> Vec<String> {
    let mut words = Vec::new();
    if !isolated.is_empty() {
        let list = core_list::format(isolated);
        // managed_irq keeps the interrupts of other NICs and disks away as well.
        words.push(format!("isolcpus=managed_irq,domain,{list}"));
        words.extend([format!("nohz_full={list}"), format!("rcu_nocbs={list}")]);
    }
    words.extend(pages.arguments());
    if needs_iommu {
        // AMD's is on unless it is switched off, and knows no "on".
        if !host.read("/proc/cpuinfo").is_ok_and(|text| text.contains("AuthenticAMD")) {
            words.push("intel_iommu=on".to_owned());
        }
        words.push("iommu=pt".to_owned());
    }
    words
}

/// True when GRUB makes this machine's command line.
pub(super) fn has_grub(host: &Host) -> bool {
    host.exists("/etc/default/grub")
}

/// The words that the running kernel was not started with.
pub(super) fn lacking(host: &Host, words: &[String]) -> Vec<String> {
    let line = host.read("/proc/cmdline").unwrap_or_default();
    let has = |word: &String| line.split_whitespace().any(|there| there == word);
    words.iter().filter(|word| !has(word)).cloned().collect()
}

/// The file for GRUB, and what makes it count.
pub(super) fn actions(host: &Host, words: &[String], is_live: bool) -> Vec<Action> {
    let text = format!(
        "# Written by tandem setup; tandem setup --undo takes it away.\n\
         GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT {}\"\n",
        words.join(" ")
    );
    if host.read(PATH).is_ok_and(|there| there == text.trim()) {
        return Vec::new();
    }
    let why = "at every start: cores for the workers alone, hugepages, the IOMMU";
    let mut actions = vec![Action::write(PATH, text, why)];
    if is_live && has_update_grub(host) {
        actions.push(Action::refresh(&["update-grub"], "takes the words into GRUB's menu"));
    }
    actions
}

pub(super) fn has_update_grub(host: &Host) -> bool {
    ["/usr/sbin/update-grub", "/sbin/update-grub"].iter().any(|path| host.exists(path))
}

#[cfg(test)]
mod tests {
    use host::testing::Tree;

    use super::*;

    fn words(tree: &Tree, needs_iommu: bool) -> Vec<String> {
        let pages = Wanted { kibibytes: 2048, nodes: vec![(0, 512)], has_nodes: false };
        arguments(&tree.host(), &[CoreId(2), CoreId(3)], &pages, needs_iommu)
    }

    #[test]
    fn the_words_are_those_of_the_cpus_maker() {
        let tree = Tree::new();
        tree.file("/proc/cpuinfo", "vendor_id : GenuineIntel\n");
        assert_eq!(
            words(&tree, true).join(" "),
            "isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3 hugepagesz=2M \
             hugepages=512 intel_iommu=on iommu=pt"
        );
        tree.file("/proc/cpuinfo", "vendor_id : AuthenticAMD\n");
        assert!(!words(&tree, true).contains(&"intel_iommu=on".to_owned()));
        assert_eq!(words(&tree, false).last().unwrap(), "hugepages=512");
    }

    #[test]
    fn what_the_kernel_was_started_with_is_not_lacking() {
        let tree = Tree::new();
        tree.file("/proc/cmdline", "quiet iommu=pt nohz_full=2-3\n");
        let lacking = lacking(&tree.host(), &words(&tree, true));
        assert!(!lacking.contains(&"iommu=pt".to_owned()));
        assert!(lacking.contains(&"hugepages=512".to_owned()));
    }

    #[test]
    fn a_file_that_is_right_is_left_alone() {
        let tree = Tree::new();
        tree.file("/usr/sbin/update-grub", "");
        let first = actions(&tree.host(), &words(&tree, true), true);
        let [Action::Write { content: super::super::action::Content::Text(text), .. }, _] =
            first.as_slice()
        else {
            panic!("{first:?}")
        };
        tree.file(PATH, text);
        assert!(actions(&tree.host(), &words(&tree, true), true).is_empty());
        assert_eq!(actions(&tree.host(), &words(&tree, false), false).len(), 1);
    }
}
