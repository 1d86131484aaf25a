//! The kernel's command line: GRUB's part of it, and what the running kernel still lacks.

use std::fs;

use config::CoreId;
use host::cpu::Isolation;
use host::{Host, core_list};

use super::action::Action;
use super::pages::Wanted;
use super::record::Record;

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

/// GRUB's record on the appliance, whose menu nobody makes anew.
const RECORD: &str = "/efi/grub/grubenv";

/// True when this machine was started from Tandem's image.
pub(super) fn is_appliance(host: &Host) -> bool {
    host.exists(RECORD)
}

/// What of the words is about cores: the rest is in the appliance's menu, or set at every start.
pub(super) fn isolation(words: &[String]) -> Vec<String> {
    let is_about_cores =
        |word: &&String| matches!(key(word), "isolcpus" | "nohz_full" | "rcu_nocbs");
    words.iter().filter(is_about_cores).cloned().collect()
}

/// Puts the words about cores where the appliance's menu takes them from.
pub(super) fn appliance_action(host: &Host, words: &[String]) -> Option<Action> {
    let record = host.read(RECORD).unwrap_or_default();
    let there = record.lines().find_map(|line| line.strip_prefix("isolation="));
    let wanted = isolation(words).join(" ");
    if there.unwrap_or_default() == wanted {
        return None;
    }
    let set = |words: &str| format!("isolation={words}");
    let (new, old) = (set(&wanted), set(there.unwrap_or_default()));
    Some(Action::run(
        &["grub-editenv", RECORD, "set", &new],
        &["grub-editenv", RECORD, "set", &old],
        "at every start: cores for the workers alone",
    ))
}

/// True when GRUB makes this machine's command line.
pub(super) fn has_grub(host: &Host) -> bool {
    host.exists("/etc/default/grub")
}

/// The words that do not hold in the running kernel. For isolation that is what the kernel made
/// of them, as for `tandem doctor`; an earlier word makes it ignore a later one.
pub(super) fn lacking(host: &Host, words: &[String], isolated: &[CoreId]) -> Vec<String> {
    let line = host.read("/proc/cmdline").unwrap_or_default();
    let shared = Isolation::of(host).lacking(isolated);
    let lacks = |word: &&String| match key(word) {
        key @ ("isolcpus" | "nohz_full" | "rcu_nocbs") => shared.contains(&key),
        _ => !line.split_whitespace().any(|there| there == *word),
    };
    words.iter().filter(lacks).cloned().collect()
}

/// The file for GRUB, and what makes it count, also where an earlier run did not get that far.
pub(super) fn actions(
    host: &Host,
    words: &[String],
    is_live: bool,
    record: &Record,
) -> Vec<Action> {
    let text = format!(
        "# Written by tandem setup; tandem setup --undo takes it away.\n\
         GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT {}\"\n",
        words.join(" ")
    );
    let mut actions = Vec::new();
    if !host.read(PATH).is_ok_and(|there| there == text.trim()) {
        let why = "at every start: cores for the workers alone, hugepages, the IOMMU";
        actions.push(Action::write(PATH, text, why));
    }
    let is_stale = || is_stale(host, words) || record.is_unfinished(&REFRESH);
    if is_live && has_update_grub(host) && (!actions.is_empty() || is_stale()) {
        actions.push(Action::refresh(&REFRESH, "takes the words into GRUB's menu"));
    }
    actions
}

const REFRESH: [&str; 1] = ["update-grub"];
/// GRUB's menu, which `update-grub` makes.
const MENU: &str = "/boot/grub/grub.cfg";

/// True when GRUB's menu is not made of the file with these words.
pub(super) fn is_stale(host: &Host, words: &[String]) -> bool {
    let time = |path| fs::metadata(host.file(path)).and_then(|of| of.modified());
    let is_older = match (time(MENU), time(PATH)) {
        (Ok(menu), Ok(file)) => menu < file,
        _ => true,
    };
    is_older || !menu_has(host, words)
}

/// True when an entry of the menu starts a kernel with all of these words.
fn menu_has(host: &Host, words: &[String]) -> bool {
    let menu = host.read(MENU).unwrap_or_default();
    menu.lines().any(|line| {
        let there: Vec<&str> = line.split_whitespace().collect();
        there.first().is_some_and(|first| first.starts_with("linux"))
            && words.iter().all(|word| there.contains(&word.as_str()))
    })
}

pub(super) fn has_update_grub(host: &Host) -> bool {
    ["/usr/sbin/update-grub", "/sbin/update-grub"].iter().any(|path| host.exists(path))
}

/// A setting of which the kernel takes one, and ignores or mixes up another.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Setting {
    /// The argument; for hugepages with the KiB of a page.
    key: String,
    value: String,
    /// The words, as they stand there.
    words: Vec<String>,
}

fn key(word: &str) -> &str {
    word.split('=').next().unwrap_or(word)
}

/// The settings among the words of a command line. A number of hugepages belongs to the size
/// before it, or else to the default size.
fn settings<'w>(words: impl Iterator<Item = &'w str>) -> Vec<Setting> {
    let mut found = Vec::new();
    let mut default = "2M";
    let mut size = None;
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let setting = |key: String, words: &[&str]| Setting {
            key,
            value: value.to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        match key {
            "isolcpus" | "nohz_full" => found.push(setting(key.to_owned(), &[word])),
            "default_hugepagesz" => default = value,
            "hugepagesz" => size = Some(word),
            "hugepages" => {
                let of = size.and_then(|size: &str| size.split_once('=')).map_or(default, |s| s.1);
                let words: Vec<&str> = size.into_iter().chain([word]).collect();
                found.push(setting(format!("hugepages of {}", kibibytes(of)), &words));
            }
            _ => {}
        }
    }
    found
}

/// The KiB of `2M`, `1G` or `2048K`.
fn kibibytes(size: &str) -> u64 {
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().unwrap_or(0);
    match size.strip_prefix(digits).unwrap_or_default().to_lowercase().as_str() {
        "g" => number.saturating_mul(1024 * 1024),
        "m" => number.saturating_mul(1024),
        "k" => number,
        _ => number / 1024,
    }
}

/// The words that a file of shell variables gives the kernel.
fn words_of(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let values = lines.filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.contains("GRUB_CMDLINE_LINUX").then(|| value.replace(['"', '\''], " "))
    });
    values
        .flat_map(|value| value.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn settings_of(text: &str) -> Vec<Setting> {
    settings(words_of(text).iter().map(String::as_str))
}

/// The number of pages of this size that setup has asked for at every start: `512`, or by node
/// `0:256,1:256`.
pub(super) fn pages(host: &Host, page: u64) -> Option<String> {
    let text = host.read(PATH).ok()?;
    let wanted = format!("hugepages of {page}");
    settings_of(&text).into_iter().find(|of| of.key == wanted).map(|of| of.value)
}

/// What others have written for the same settings: the kernel takes the first `isolcpus=`, and
/// the first number of hugepages of a size, and ignores ours.
pub(super) fn conflicts(
    host: &Host,
    words: &[String],
    is_live: bool,
    record: &Record,
) -> Vec<String> {
    let ours = settings(words.iter().map(String::as_str));
    let rival = |of: &Setting| {
        ours.iter().find(|ours| ours.key == of.key && ours.value != of.value).cloned()
    };
    let mut found = Vec::new();
    let mut explained = Vec::new();
    let mut files = vec!["/etc/default/grub".to_owned()];
    let names = host.names("/etc/default/grub.d").unwrap_or_default();
    let names = names.into_iter().filter(|name| name.ends_with(".cfg"));
    files.extend(names.map(|name| format!("/etc/default/grub.d/{name}")));
    for file in files.iter().filter(|file| *file != PATH) {
        for there in settings_of(&host.read(file).unwrap_or_default()) {
            if let Some(ours) = rival(&there) {
                let (words, ours) = (there.words.join(" "), ours.words.join(" "));
                found.push(format!(
                    "{file} has {words}, beside which the kernel does not take {ours}: take it \
                     out of {file}, and run setup again"
                ));
            }
            explained.push(there);
        }
    }
    if !is_live {
        return found;
    }
    // What setup itself has written, now or earlier, is written anew.
    explained.extend(settings_of(&host.read(PATH).unwrap_or_default()));
    explained.extend(record.earlier(PATH).flat_map(settings_of));
    let line = host.read("/proc/cmdline").unwrap_or_default();
    for there in settings(line.split_whitespace()) {
        let is_explained =
            explained.iter().any(|of| of.key == there.key && of.value == there.value);
        // What the menu has no longer is over at the next start.
        let is_over = host.exists(MENU) && !menu_has(host, &there.words);
        let Some(ours) = rival(&there).filter(|_| !is_explained && !is_over) else { continue };
        let (words, ours) = (there.words.join(" "), ours.words.join(" "));
        found.push(format!(
            "/proc/cmdline has {words}, beside which the kernel does not take {ours}, and no file \
             of GRUB's settings has it: find it (grep -rs '{}' /etc/default /etc/grub.d \
             /etc/kernel /boot), take it out, start the machine again, and run setup again",
            there.words.last().map_or("", String::as_str)
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use host::testing::Tree;

    use super::super::action::Content;
    use super::super::record::{Before, Done};
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
        tree.file("/proc/cmdline", "quiet iommu=pt isolcpus=1 nohz_full=2-3 rcu_nocbs=2-3\n");
        let isolated = [CoreId(2), CoreId(3)];
        let lacking = || lacking(&tree.host(), &words(&tree, true), &isolated).join(" ");
        // Isolation is what the kernel made of it, whatever words it was given.
        let rest = "hugepagesz=2M hugepages=512 intel_iommu=on";
        let lists = "isolcpus=managed_irq,domain,2-3 nohz_full=2-3";
        assert_eq!(lacking(), format!("{lists} {rest}"));
        tree.file("/sys/devices/system/cpu/isolated", "1-3\n");
        tree.file("/sys/devices/system/cpu/nohz_full", "2-3\n");
        assert_eq!(lacking(), rest);
    }

    /// GRUB's menu with these words.
    fn menu(tree: &Tree, words: &[String]) {
        let text = format!("menuentry {{\n\tlinux /vmlinuz root=/dev/sda1 {}\n}}", words.join(" "));
        tree.file(MENU, &text);
    }

    fn titles(tree: &Tree, record: &Record) -> Vec<String> {
        let actions = actions(&tree.host(), &words(tree, true), true, record);
        actions.iter().map(Action::title).collect()
    }

    fn write(tree: &Tree) {
        let actions = actions(&tree.host(), &words(tree, true), false, &Record::default());
        let [Action::Write { content: Content::Text(text), .. }] = actions.as_slice() else {
            panic!("{actions:?}")
        };
        tree.file(PATH, text);
    }

    #[test]
    fn a_file_that_is_right_is_left_alone() {
        let tree = Tree::new();
        tree.file("/usr/sbin/update-grub", "");
        let record = Record::default();
        assert_eq!(titles(&tree, &record), [format!("write {PATH}"), "run update-grub".to_owned()]);
        write(&tree);
        menu(&tree, &words(&tree, true));
        assert!(titles(&tree, &record).is_empty());
        assert_eq!(actions(&tree.host(), &words(&tree, false), false, &record).len(), 1);
    }

    #[test]
    fn a_menu_that_was_not_made_is_made_by_the_next_run() {
        let tree = Tree::new();
        tree.file("/usr/sbin/update-grub", "");
        write(&tree);
        let mut record = Record::default();
        // None, one without the words, and one that is older than the file.
        assert_eq!(titles(&tree, &record), ["run update-grub"]);
        menu(&tree, &words(&tree, false));
        assert_eq!(titles(&tree, &record), ["run update-grub"]);
        menu(&tree, &words(&tree, true));
        assert!(titles(&tree, &record).is_empty());
        let file = fs::File::open(tree.path(MENU)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(titles(&tree, &record), ["run update-grub"]);
        // One whose making failed.
        menu(&tree, &words(&tree, true));
        let run = |is_done| Done::Run {
            command: vec!["update-grub".to_owned()],
            undo: vec!["update-grub".to_owned()],
            undo_last: true,
            is_done,
        };
        record.done.push(run(false));
        assert_eq!(titles(&tree, &record), ["run update-grub"]);
        record.done.push(run(true));
        assert!(titles(&tree, &record).is_empty());
    }

    fn conflicts_of(tree: &Tree, record: &Record) -> Vec<String> {
        conflicts(&tree.host(), &words(tree, true), true, record)
    }

    #[test]
    fn words_of_others_are_named_with_their_file() {
        let tree = Tree::new();
        let record = Record::default();
        tree.file(
            "/etc/default/grub",
            "#GRUB_CMDLINE_LINUX=\"isolcpus=9\"\nGRUB_CMDLINE_LINUX=\"quiet isolcpus=3\"\n",
        );
        // Pages of another size do no harm, nor does the same number of ours.
        let other = "GRUB_CMDLINE_LINUX_DEFAULT='hugepagesz=1G hugepages=4'\n";
        tree.file("/etc/default/grub.d/50-a.cfg", other);
        tree.file("/etc/default/grub.d/60-b.cfg", "GRUB_CMDLINE_LINUX=\"\\\n hugepages=512\"\n");
        tree.file("/etc/default/grub.d/60-c.cfg.tandem-old", "GRUB_CMDLINE_LINUX='isolcpus=7'\n");
        let [said] = &conflicts_of(&tree, &record)[..] else { panic!() };
        assert!(said.starts_with("/etc/default/grub has isolcpus=3, beside which"), "{said}");
        tree.file("/etc/default/grub", "");
        assert!(conflicts_of(&tree, &record).is_empty());
        let other = "GRUB_CMDLINE_LINUX='hugepagesz=2048K hugepages=100 nohz_full=2-3'\n";
        tree.file("/etc/default/grub.d/60-b.cfg", other);
        let [said] = &conflicts_of(&tree, &record)[..] else { panic!() };
        assert!(said.contains("60-b.cfg has hugepagesz=2048K hugepages=100"), "{said}");
    }

    #[test]
    fn words_of_nobody_are_looked_for_but_not_ours() {
        let tree = Tree::new();
        let mut record = Record::default();
        tree.file("/proc/cmdline", "isolcpus=managed_irq,domain,1 hugepagesz=2M hugepages=256\n");
        assert_eq!(conflicts_of(&tree, &record).len(), 2);
        assert!(
            conflicts_of(&tree, &record)[0].contains("grep -rs 'isolcpus=managed_irq,domain,1'")
        );
        // The file has them, from a run before this one.
        let text = "GRUB_CMDLINE_LINUX_DEFAULT=\"isolcpus=managed_irq,domain,1\"\n";
        tree.file(PATH, text);
        assert_eq!(conflicts_of(&tree, &record).len(), 1);
        // It had them, before it was written again.
        let text = "GRUB_CMDLINE_LINUX_DEFAULT=\"hugepagesz=2M hugepages=256\"\n".to_owned();
        record.done.push(Done::Write {
            path: PATH.to_owned(),
            before: Some(Before { text, mode: 0o644 }),
            digest: String::new(),
            is_operators: false,
        });
        assert!(conflicts_of(&tree, &record).is_empty());
        // What the menu has no longer is not there at the next start.
        let record = Record::default();
        menu(&tree, &words(&tree, true));
        assert!(conflicts_of(&tree, &record).is_empty());
    }

    #[test]
    fn the_pages_of_an_earlier_run_are_read_again() {
        let tree = Tree::new();
        assert_eq!(pages(&tree.host(), 2048), None);
        write(&tree);
        assert_eq!(pages(&tree.host(), 2048).as_deref(), Some("512"));
        assert_eq!(pages(&tree.host(), 1024 * 1024), None);
    }
}
