//! A real Prometheus on the direct link, which scrapes both machines of the pair and has the rules
//! that Tandem comes with.

use std::path::Path;

use serde_json::Value;

use crate::namespace::write;
use crate::{Appliance, Error, FOLDER, Lab, Task, wait_until};

/// Where it listens.
const LISTEN: &str = "127.0.0.1:9090";

/// A Prometheus in the namespace of the first machine; ended when dropped.
#[derive(Debug)]
pub struct Prometheus {
    _server: Task,
}

impl Prometheus {
    /// Starts one that scrapes these machines and has the rules of a file evaluated, both every
    /// second; waits until it answers. The machines' metrics are on the direct link.
    ///
    /// # Errors
    ///
    /// [`Error`], when it does not answer.
    pub fn start(machines: &[&Appliance], rules: Option<&Path>) -> Result<Self, Error> {
        let folder = format!("{FOLDER}/prometheus");
        // One of an earlier lab has other times.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        let configuration = format!("{folder}/prometheus.yml");
        let targets: Vec<String> =
            machines.iter().map(|machine| format!("\"{}\"", instance(machine))).collect();
        let rules = rules.map(|path| format!("rule_files: [\"{}\"]\n", path.display()));
        let text = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n{}scrape_configs:\n  \
             - job_name: tandem\n    static_configs:\n      - targets: [{}]\n",
            rules.unwrap_or_default(),
            targets.join(", ")
        );
        write(&configuration, &text)?;
        let (file, data) = (
            format!("--config.file={configuration}"),
            format!("--storage.tsdb.path={folder}/data"),
        );
        let listen = format!("--web.listen-address={LISTEN}");
        let server = Lab::A.spawn(&["prometheus", &file, &data, &listen])?;
        let prometheus = Prometheus { _server: server };
        wait_until("Prometheus answers", 60, || prometheus.query("vector(1)").is_ok())?;
        Ok(prometheus)
    }

    /// What an expression is now: its series, each with labels and value.
    ///
    /// # Errors
    ///
    /// [`Error::Command`], with what Prometheus says against the expression.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>, Error> {
        let answer = Self::get("query", &["--data-urlencode", &format!("query={expression}")])?;
        Ok(answer.pointer("/result").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// The alerts that fire, by name, each with its labels.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn firing(&self) -> Result<Vec<(String, Value)>, Error> {
        let answer = Self::get("alerts", &[])?;
        let alerts = answer.pointer("/alerts").and_then(Value::as_array);
        let firing = alerts.into_iter().flatten().filter(|alert| alert["state"] == "firing");
        let named = |alert: &Value| {
            let labels = alert["labels"].clone();
            (labels["alertname"].as_str().unwrap_or_default().to_owned(), labels)
        };
        Ok(firing.map(named).collect())
    }

    /// True while an alert of this name fires.
    pub fn fires(&self, name: &str) -> bool {
        self.firing().is_ok_and(|firing| firing.iter().any(|(one, _)| one == name))
    }

    fn get(what: &str, more: &[&str]) -> Result<Value, Error> {
        let address = format!("http://{LISTEN}/api/v1/{what}");
        let words: Vec<&str> = ["curl", "-s", "-m", "10", "-G", &address]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        let told = Lab::A.must(&words)?.stdout;
        let failed = |words: String| Error::Command { command: what.to_owned(), words };
        let answer: Value = serde_json::from_str(&told).map_err(|_| failed(told.clone()))?;
        match answer["status"] == "success" {
            true => Ok(answer["data"].clone()),
            false => Err(failed(told)),
        }
    }
}

/// A machine's name in the label `instance`.
pub fn instance(machine: &Appliance) -> String {
    format!("{}:9405", machine.machine.direct)
}
