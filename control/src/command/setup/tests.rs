//! Setup as a whole, on trees of files.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Parser;
use config::Config;
use host::testing::Tree;

use super::*;
use crate::command::doctor::{Tool, testing};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn arguments(tree: &Tree, words: &[&str]) -> Arguments {
    let root = tree.path("/");
    let line = ["setup", "--root", root.to_str().unwrap()];
    Line::parse_from(line.iter().chain(words)).arguments
}

/// Runs the command below the tree's root. Returns what it showed, or why it failed.
fn setup(tree: &Tree, words: &[&str]) -> Result<String, String> {
    let mut out = Vec::new();
    let socket = PathBuf::from("/nonexistent");
    let mut context = Context { json: false, socket: &socket, out: &mut out, schema: "setup" };
    let result = run(&arguments(tree, words), &mut context);
    result.map(|()| String::from_utf8(out).unwrap()).map_err(|error| error.to_string())
}

/// A machine with two free NICs, GRUB and driverctl.
fn machine() -> Tree {
    let tree = testing::tree();
    tree.nic("0000:03:00.0", Some("i40e"), Some("eth1"));
    tree.nic("0000:03:00.1", Some("i40e"), Some("eth2"));
    tree.hugepages(0, 16, 16);
    tree.file("/etc/default/grub", "GRUB_TIMEOUT=5\n").file("/etc/hostname", "router-1.example\n");
    tree.file("/usr/sbin/update-grub", "").file("/usr/sbin/driverctl", "");
    tree.file("/proc/cpuinfo", "vendor_id : GenuineIntel\n").file("/proc/cmdline", "quiet\n");
    tree
}

const NICS: [&str; 4] = ["--public", "eth1", "--private", "eth2"];
const ADDRESSES: [&str; 10] = [
    "--public-address",
    "198.51.100.2/24",
    "--private-address",
    "10.0.0.2/24",
    "--virtual-ip",
    "198.51.100.10",
    "--gateway-address",
    "10.0.0.1",
    "--public-gateway",
    "198.51.100.1",
];

fn with<'w>(more: &[&'w str]) -> Vec<&'w str> {
    [&NICS[..], &ADDRESSES[..], more].concat()
}

/// Every file, folder and link with its mode and content.
fn snapshot(tree: &Tree) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    fn walk(path: &Path, found: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
        let metadata = fs::symlink_metadata(path).unwrap();
        let content = if metadata.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                walk(&entry.unwrap().path(), found);
            }
            Vec::new()
        } else if metadata.is_symlink() {
            fs::read_link(path).unwrap().to_str().unwrap().into()
        } else {
            fs::read(path).unwrap()
        };
        found.insert(path.to_owned(), (metadata.permissions().mode(), content));
    }
    let mut found = BTreeMap::new();
    walk(&tree.path("/"), &mut found);
    found
}

#[test]
fn setup_and_undo_leave_the_tree_as_it_was() {
    let tree = machine();
    // What an administrator had written before is put back as well.
    tree.file("/etc/modules-load.d/tandem.conf", "vfio\n");
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(tree.path("/etc/modules-load.d/tandem.conf"), mode).unwrap();
    let before = snapshot(&tree);

    let shown = setup(&tree, &with(&["--yes"])).unwrap();
    assert!(shown.contains("done: write /etc/tandem/tandem.toml"), "{shown}");
    assert!(shown.contains("Run update-grub in this root."), "{shown}");
    let grub = tree.host().read(boot::PATH).unwrap();
    assert!(grub.contains("isolcpus=managed_irq,domain,1-2 nohz_full=1-2"), "{grub}");
    assert!(grub.contains("hugepages=256 intel_iommu=on iommu=pt"), "{grub}");
    assert_eq!(tree.host().read("/etc/driverctl.d/pci-0000:03:00.1").unwrap(), "vfio-pci");
    let key = fs::metadata(tree.path(plan::KEY)).unwrap();
    assert_eq!((key.len(), key.permissions().mode() & 0o7777), (32, 0o600));
    let config = Config::load(tree.path("/etc/tandem/tandem.toml")).unwrap();
    assert_eq!(config.node.name, "router-1");
    assert_eq!(config.public.floating[0].to_string(), "198.51.100.10/24");
    assert_eq!(config.private.floating[0].to_string(), "10.0.0.1/24");

    let shown = setup(&tree, &["--undo", "--yes"]).unwrap();
    assert!(shown.contains("Everything is as it was."), "{shown}");
    assert_eq!(snapshot(&tree), before);
    assert!(setup(&tree, &["--undo", "--yes"]).unwrap().starts_with("Nothing is to be undone"));
}

#[test]
fn a_second_run_has_nothing_to_do() {
    let tree = machine();
    let pristine = snapshot(&tree);
    setup(&tree, &with(&["--yes"])).unwrap();
    let before = snapshot(&tree);
    for words in [with(&["--yes"]), vec!["--yes"]] {
        let shown = setup(&tree, &words).unwrap();
        assert!(shown.contains("Nothing is to do: this machine is set up."), "{shown}");
        assert_eq!(snapshot(&tree), before);
    }
    // Another amount of hugepages is a change, and undoing takes both back.
    setup(&tree, &["--yes", "--hugepages", "1G"]).unwrap();
    assert!(tree.host().read(boot::PATH).unwrap().contains("hugepages=512"));
    // A run that does not mention them leaves them.
    assert!(setup(&tree, &["--yes"]).unwrap().contains("Nothing is to do"));
    assert!(tree.host().read(boot::PATH).unwrap().contains("hugepages=512"));
    setup(&tree, &["--undo", "--yes"]).unwrap();
    assert_eq!(snapshot(&tree), pristine);
}

#[test]
fn nothing_is_changed_by_looking_or_without_an_answer() {
    let tree = machine();
    let before = snapshot(&tree);
    let shown = setup(&tree, &with(&["--dry-run"])).unwrap();
    assert!(shown.contains("+ workers = [1, 2]"), "{shown}");
    assert!(shown.contains("nothing was changed."), "{shown}");
    assert!(!shown.contains("Do this?"), "{shown}");
    assert_eq!(snapshot(&tree), before);
    if !std::io::stdin().is_terminal() {
        let said = setup(&tree, &with(&[])).unwrap_err();
        assert!(said.contains("there is no terminal to ask on: add --yes"), "{said}");
        assert_eq!(snapshot(&tree), before);
    }
}

#[test]
fn addresses_that_are_missing_are_left_to_fill_in() {
    let tree = machine();
    let words = [&NICS[..], &["--yes"]].concat();
    let shown = setup(&tree, &words).unwrap();
    assert!(shown.contains("Fill in the addresses in /etc/tandem/tandem.toml"), "{shown}");
    let path = tree.path("/etc/tandem/tandem.toml");
    let mistakes = Config::load(&path).unwrap_err();
    assert_eq!(mistakes.mistakes.len(), 3, "{mistakes}");
    // Once they are filled in, it is right.
    let text = fs::read_to_string(&path).unwrap();
    let filled = text
        .replacen("\"\"", "\"198.51.100.2/24\"", 1)
        .replacen("\"\"", "\"10.0.0.2/24\"", 1)
        .replacen("\"\"", "\"10.0.0.1/24\"", 1);
    fs::write(&path, filled).unwrap();
    Config::load(&path).unwrap();
    // And undoing does not throw the operator's work away, nor count it as left to undo.
    let shown = setup(&tree, &["--undo", "--yes"]).unwrap();
    assert!(shown.contains("tandem.toml was changed since, and stays as it is"), "{shown}");
    assert!(shown.contains("Everything else is as it was."), "{shown}");
    assert!(path.exists() && !tree.path(boot::PATH).exists());
    assert!(setup(&tree, &["--undo", "--yes"]).unwrap().starts_with("Nothing is to be undone"));
}

#[test]
fn what_was_changed_is_kept_also_by_force() {
    let tree = machine();
    // Copies of an earlier time are kept as well.
    tree.file("/etc/tandem/peer.key.tandem-old", "the oldest");
    setup(&tree, &with(&["--yes"])).unwrap();
    let key = "the peer's 32 bytes, in exchange";
    tree.file(plan::KEY, key).file("/etc/tandem/tandem.toml", "mine").file(boot::PATH, "A=b\n");
    let shown = setup(&tree, &["--undo", "--dry-run"]).unwrap();
    assert!(shown.contains("leave /etc/tandem/peer.key, which was changed since"), "{shown}");
    assert!(shown.contains("is left alone without --force"), "{shown}");
    let shown = setup(&tree, &["--undo", "--yes", "--force"]).unwrap();
    assert!(shown.contains("peer.key was changed since, and is called peer.key.tandem-old2 now"));
    let host = tree.host();
    assert_eq!(host.read("/etc/tandem/peer.key.tandem-old").unwrap(), "the oldest");
    assert_eq!(host.read("/etc/tandem/peer.key.tandem-old2").unwrap(), key);
    assert_eq!(host.read("/etc/tandem/tandem.toml.tandem-old").unwrap(), "mine");
    assert_eq!(host.read(&format!("{}.tandem-old", boot::PATH)).unwrap(), "A=b");
    assert!(!host.exists(plan::KEY) && !host.exists(boot::PATH) && !host.exists(record::PATH));
}

#[test]
fn other_files_that_were_changed_stay_recorded() {
    let tree = machine();
    setup(&tree, &with(&["--yes"])).unwrap();
    tree.file(boot::PATH, "A=b\n");
    let said = setup(&tree, &["--undo", "--yes"]).unwrap_err();
    assert!(said.contains("tandem.cfg was changed since, and is left alone"), "{said}");
    assert!(tree.host().exists(record::PATH) && tree.host().exists(boot::PATH));
}

#[test]
fn links_of_an_image_do_not_lead_out_of_it() {
    let outside = Tree::new();
    let before = snapshot(&outside);
    let tree = machine();
    let target = outside.path("/");
    let target = target.to_str().unwrap();
    tree.folder(target).link("/etc/tandem", target).link("/var/lib", &format!("{target}/lib"));
    tree.folder(&format!("{target}/lib"));
    setup(&tree, &with(&["--yes"])).unwrap();
    assert_eq!(snapshot(&outside), before);
    assert!(tree.path(&format!("{target}/tandem.toml")).exists());
    assert!(tree.path(&format!("{target}/lib/tandem/setup.json")).exists());
    setup(&tree, &["--undo", "--yes"]).unwrap();
    assert!(!tree.path(&format!("{target}/tandem.toml")).exists());
}

/// A machine with this much memory on its only node.
fn with_memory(mebibytes: u64) -> Tree {
    let tree = machine();
    let text = format!("Node 0 MemTotal:  {} kB\n", mebibytes * 1024);
    tree.file("/sys/devices/system/node/node0/meminfo", &text);
    tree
}

#[test]
fn hugepages_leave_memory_for_everything_else() {
    let large = with_memory(16_000);
    let said = |tree: &Tree, words: &[&str]| setup(tree, &with(words)).unwrap();
    let shown = said(&large, &["--dry-run", "--hugepages", "15G"]);
    assert!(shown.contains("15360 MiB of hugepages are too many for NUMA node 0"), "{shown}");
    assert!(shown.contains("ask for at most --hugepages 11805M"), "{shown}");
    let before = snapshot(&large);
    let refused = setup(&large, &with(&["--yes", "--hugepages", "15G"])).unwrap_err();
    assert!(refused.contains("nothing was changed"), "{refused}");
    assert_eq!(snapshot(&large), before);
    assert!(!said(&large, &["--dry-run", "--hugepages", "11G"]).contains("In the way"));

    // A small machine gets fewer by default, and a very small one none.
    let small = with_memory(970);
    let shown = said(&small, &["--dry-run"]);
    assert!(shown.contains("hugepages=128 ") && !shown.contains("In the way"), "{shown}");
    assert!(
        said(&small, &["--dry-run", "--hugepages", "512M"]).contains("at most --hugepages 290M")
    );
    let shown = said(&with_memory(500), &["--dry-run"]);
    assert!(shown.contains("give the machine more memory"), "{shown}");
    // What the machine has already is no news.
    small.hugepages(0, 256, 256);
    let shown = said(&small, &["--dry-run"]);
    assert!(shown.contains("hugepages=256 ") && !shown.contains("In the way"), "{shown}");
}

#[test]
fn pages_that_are_there_are_never_fewer_afterwards() {
    let tree = machine();
    tree.hugepages(0, 1024, 1024);
    setup(&tree, &with(&["--yes"])).unwrap();
    assert!(tree.host().read(boot::PATH).unwrap().contains("hugepages=1024 "));
    // Unless it is said so.
    setup(&tree, &["--yes", "--hugepages", "512M"]).unwrap();
    assert!(tree.host().read(boot::PATH).unwrap().contains("hugepages=256 "));
}

#[test]
fn words_that_stand_elsewhere_are_in_the_way() {
    let tree = machine();
    tree.file("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"isolcpus=3\"\n");
    let shown = setup(&tree, &with(&["--dry-run"])).unwrap();
    assert!(shown.contains("In the way: /etc/default/grub has isolcpus=3"), "{shown}");
}

#[test]
fn addresses_that_do_not_fit_are_refused_before_anything_is_done() {
    let tree = machine();
    let before = snapshot(&tree);
    let words =
        [&NICS[..], &["--public-address", "10.0.0.2/24", "--private-address", "10.0.0.3/24"]];
    let words = [words.concat(), vec!["--gateway-address", "10.0.0.1", "--yes"]].concat();
    let said = setup(&tree, &words).unwrap_err();
    assert!(said.contains("has mistakes"), "{said}");
    assert_eq!(snapshot(&tree), before);
}

#[test]
fn what_the_configuration_says_is_not_overruled() {
    let tree = machine();
    tree.file("/etc/tandem/tandem.toml", testing::CONFIGURATION);
    let said = |words: &[&str]| setup(&tree, words).unwrap_err();
    assert!(said(&["--cores", "2", "--dry-run"]).contains("the configuration has the workers 1"));
    assert!(said(&["--public", "eth2", "--dry-run"]).contains("as public.port"));
    let shown = setup(&tree, &["--yes"]).unwrap();
    assert!(shown.contains("worker cores  1\n"), "{shown}");
    assert_eq!(tree.host().read("/etc/tandem/tandem.toml").unwrap(), testing::CONFIGURATION.trim());
}

#[test]
fn words_that_do_not_fit_the_machine_are_refused() {
    let tree = machine();
    let said = |words: &[&str]| setup(&tree, words).unwrap_err();
    assert!(said(&["--dry-run"]).contains("which NIC is the public one?"));
    assert!(said(&["--public", "eth1", "--private", "eth1"]).contains("cannot be both NICs"));
    assert!(said(&with(&["--cores", "0,1"])).contains("core 0 is the kernel's"));
    assert!(said(&with(&["--cores", "x"])).contains("no list of cores"));
    tree.file("/proc/net/route", "head\neth1 00000000 010200C0 3 0 0 0 00000000\n");
    assert!(said(&with(&["--yes"])).contains("carries the default route"));
    assert!(setup(&tree, &with(&["--dry-run", "--force"])).is_ok());
}

/// What a running machine would get.
fn plan_of(tree: &Tree, tool: Tool<'_>) -> Result<plan::Plan, Error> {
    let host = tree.host();
    let wishes = wishes::of(&arguments(tree, &with(&[])), &host)?;
    let applier = Applier { host: &host, is_live: true, tool };
    plan::of(&wishes, &applier, &Record::load(&host)?)
}

/// Applies the plan as on a running machine, with a tool that notes what is run.
fn live(tree: &Tree, tool: Tool<'_>) -> Result<Record, Error> {
    let host = tree.host();
    let plan = plan_of(tree, &|_, _| Ok(String::new()))?;
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    let mut record = Record::load(&host)?;
    let applier = Applier { host: &host, is_live: true, tool };
    applier.apply(&plan.actions, &mut record, &mut |_| Ok(()))?;
    Ok(record)
}

#[test]
fn nics_are_not_taken_from_a_dataplane_that_runs() {
    let tree = machine();
    let plan = plan_of(&tree, &|_, _| Ok("ActiveState=active\n".to_owned())).unwrap();
    let [problem] = &plan.problems[..] else { panic!("{:?}", plan.problems) };
    assert!(problem.contains("disable --now tandem-control tandem-dataplane"), "{problem}");
    // Where no NIC changes hands, it may run.
    for address in ["0000:03:00.0", "0000:03:00.1"] {
        tree.nic(address, Some("vfio-pci"), None);
        tree.file(&format!("/etc/driverctl.d/pci-{address}"), "vfio-pci\n");
    }
    tree.remove("/sys/class/net");
    let host = tree.host();
    let words = ["--public", "0000:03:00.0", "--private", "0000:03:00.1"];
    let wishes = wishes::of(&arguments(&tree, &words), &host).unwrap();
    let tool = |_: &str, _: &[&str]| Ok("ActiveState=active\n".to_owned());
    let applier = Applier { host: &host, is_live: true, tool: &tool };
    let plan = plan::of(&wishes, &applier, &Record::default()).unwrap();
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
}

#[test]
fn nothing_is_undone_under_a_dataplane_that_runs() {
    let tree = machine();
    live(&tree, &|_, _| Ok(String::new())).unwrap();
    let before = snapshot(&tree);
    let host = tree.host();
    let tool = |_: &str, _: &[&str]| Ok("ActiveState=active\n".to_owned());
    let applier = Applier { host: &host, is_live: true, tool: &tool };
    let mut out = Vec::new();
    let socket = PathBuf::from("/nonexistent");
    let mut context = Context { json: false, socket: &socket, out: &mut out, schema: "setup" };
    let words = arguments(&tree, &["--undo", "--yes", "--force"]);
    let said = undo(&words, &applier, &mut context).unwrap_err().to_string();
    assert!(said.starts_with("nothing was changed: the dataplane runs"), "{said}");
    assert_eq!(snapshot(&tree), before);
}

#[test]
fn a_menu_that_could_not_be_made_is_made_by_the_next_run_and_not_at_the_undoing() {
    let tree = machine();
    let before = snapshot(&tree);
    let fails = |program: &str, _: &[&str]| match program {
        "update-grub" => Err("no space left".to_owned()),
        _ => Ok(String::new()),
    };
    assert!(live(&tree, &fails).unwrap_err().to_string().contains("run update-grub"));
    let run = RefCell::new(Vec::new());
    let notes = |program: &str, _: &[&str]| {
        run.borrow_mut().push(program.to_owned());
        Ok(String::new())
    };
    // It never succeeded: there is nothing to take back.
    let host = tree.host();
    let mut record = Record::load(&host).unwrap();
    let applier = Applier { host: &host, is_live: true, tool: &notes };
    assert!(undo::undo(&applier, &mut record, false).unwrap().failures.is_empty());
    assert!(run.take().is_empty());
    assert_eq!(snapshot(&tree), before);

    live(&tree, &fails).unwrap_err();
    live(&tree, &notes).unwrap();
    assert_eq!(run.take(), ["update-grub", "driverctl", "driverctl"]);
    let mut record = Record::load(&host).unwrap();
    assert!(undo::undo(&applier, &mut record, false).unwrap().failures.is_empty());
    assert_eq!(run.take(), ["driverctl", "driverctl", "update-grub"], "once");
}

#[test]
fn a_running_machine_gets_its_hugepages_and_nics_at_once_and_loses_them_again() {
    let tree = machine();
    let before = snapshot(&tree);
    let run = RefCell::new(Vec::new());
    let tool = |program: &str, arguments: &[&str]| {
        run.borrow_mut().push([&[program], arguments].concat().join(" "));
        Ok(String::new())
    };
    let mut record = live(&tree, &tool).unwrap();
    let pages = hugepages_file(&tree);
    assert_eq!(fs::read_to_string(&pages).unwrap(), "256\n");
    let bind = |address| format!("driverctl set-override {address} vfio-pci");
    assert_eq!(run.take(), ["update-grub".to_owned(), bind("0000:03:00.0"), bind("0000:03:00.1")]);

    let host = tree.host();
    let applier = Applier { host: &host, is_live: true, tool: &tool };
    assert!(undo::undo(&applier, &mut record, false).unwrap().failures.is_empty());
    // GRUB's menu is made again when its file is gone.
    assert_eq!(
        run.take(),
        [
            "driverctl unset-override 0000:03:00.1",
            "driverctl unset-override 0000:03:00.0",
            "update-grub"
        ]
    );
    assert_eq!(snapshot(&tree), before);
}

fn hugepages_file(tree: &Tree) -> PathBuf {
    tree.path(&host::hugepages::counter(&tree.host(), 0, 2048))
}

#[test]
fn a_step_that_fails_is_named_and_what_was_done_can_be_undone() {
    let tree = machine();
    let before = snapshot(&tree);
    let fails = |program: &str, arguments: &[&str]| match (program, arguments) {
        ("driverctl", ["set-override", ..]) => Err("failed to bind device".to_owned()),
        _ => Ok(String::new()),
    };
    let said = live(&tree, &fails).unwrap_err().to_string();
    assert!(
        said.starts_with(
            "this step failed: run driverctl set-override 0000:03:00.0 vfio-pci: failed to bind \
             device\n"
        ),
        "{said}"
    );
    assert!(said.contains("tandem setup --undo"), "{said}");
    assert!(tree.path(boot::PATH).exists() && !tree.path(plan::KEY).exists());

    let host = tree.host();
    let mut record = Record::load(&host).unwrap();
    let applier = Applier { host: &host, is_live: true, tool: &fails };
    assert!(undo::undo(&applier, &mut record, false).unwrap().failures.is_empty());
    assert_eq!(snapshot(&tree), before);
}

#[test]
fn an_undoing_that_fails_stays_recorded() {
    let tree = machine();
    let mut record = live(&tree, &|_, _| Ok(String::new())).unwrap();
    let host = tree.host();
    let applier =
        Applier { host: &host, is_live: true, tool: &|_, _| Err("no such module".to_owned()) };
    let failures = undo::undo(&applier, &mut record, false).unwrap().failures;
    assert_eq!(failures.len(), 3, "{failures:?}");
    assert_eq!(Record::load(&host).unwrap().done.len(), 3);
    let applier = Applier { host: &host, is_live: true, tool: &|_, _| Ok(String::new()) };
    let mut record = Record::load(&host).unwrap();
    assert!(undo::undo(&applier, &mut record, false).unwrap().failures.is_empty());
    assert!(!host.exists(record::PATH));
}

#[test]
fn a_record_that_is_not_understood_stops_everything() {
    let tree = machine();
    tree.file(record::PATH, "{");
    assert!(setup(&tree, &with(&["--yes"])).unwrap_err().contains("is not understood"));
    assert!(!tree.path(boot::PATH).exists());
}

#[test]
fn without_grub_the_words_are_left_to_the_operator() {
    let tree = machine();
    tree.remove("/etc/default/grub");
    let shown = setup(&tree, &with(&["--yes"])).unwrap();
    assert!(shown.contains("There is no GRUB here"), "{shown}");
    assert!(!tree.path(boot::PATH).exists());
}

#[test]
fn an_appliance_keeps_its_isolated_cores_in_the_record_of_grub() {
    let tree = machine();
    tree.remove("/etc/default/grub");
    let cores = ["isolcpus=managed_irq,domain,1-2", "nohz_full=1-2", "rcu_nocbs=1-2"];
    let words: Vec<String> =
        cores.into_iter().chain(["hugepages=256"]).map(str::to_owned).collect();
    let title = |words: &[String]| {
        let action = boot::appliance_action(&tree.host(), words);
        action.map(|action| action.title())
    };
    let set =
        |words: &str| Some(format!("run grub-editenv /efi/grub/grubenv set isolation={words}"));
    tree.file("/efi/grub/grubenv", "# GRUB Environment Block\nORDER=a b\n####");
    assert_eq!(title(&words), set(&cores.join(" ")));
    assert_eq!(title(&[]), None);
    let shown = setup(&tree, &with(&["--dry-run", "--no-isolation"])).unwrap();
    assert!(!shown.contains("There is no GRUB here"), "{shown}");
    // What is there already stays, and goes when it is not wanted any more.
    let record = format!("# GRUB Environment Block\nisolation={}\n####", cores.join(" "));
    tree.file("/efi/grub/grubenv", &record);
    assert_eq!(title(&words), None);
    assert_eq!(title(&[]), set(""));
}
