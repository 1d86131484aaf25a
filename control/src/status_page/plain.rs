//! The page for browsers that run no script: a table that loads itself again.

use core::fmt::Write;

use super::view::{MachineState, View};
use crate::output::units::{count, seconds};

/// As HTML.
pub(super) fn page(view: &View) -> String {
    let mut html = String::with_capacity(4096);
    // A String takes whatever is written to it.
    let _ = write(view, &mut html);
    html
}

fn write(view: &View, html: &mut String) -> core::fmt::Result {
    let node = escaped(&view.own.node);
    write!(
        html,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"refresh\" content=\"5\"><title>{node}: {}</title>\
         <link rel=\"stylesheet\" href=\"page.css\"><body class=\"plain\"><main>",
        view.verdict.state
    )?;
    let state = match view.verdict.state {
        "well" => "All is well",
        "degraded" => "Something is to be looked at",
        _ => "This machine does not serve",
    };
    write!(html, "<h1>{state}</h1><p>{}.</p>", escaped(&view.verdict.summary))?;
    if !view.verdict.troubles.is_empty() {
        html.push_str("<ul>");
        for trouble in &view.verdict.troubles {
            write!(html, "<li>{}", escaped(&trouble.what))?;
            for line in &trouble.remedy {
                match line.strip_prefix("# ") {
                    Some(words) => write!(html, "<br>{}", escaped(words))?,
                    None => write!(html, "<br><code>{}</code>", escaped(line))?,
                }
            }
            html.push_str("</li>");
        }
        html.push_str("</ul>");
    }
    machines(view, html)?;
    services(view, html)?;
    drops(view, html)?;
    html.push_str("</main></body></html>");
    Ok(())
}

fn machines(view: &View, html: &mut String) -> core::fmt::Result {
    html.push_str("<h2>Machines</h2><table><tr><th>Machine<th>State<th>Notes</tr>");
    for machine in &view.pair.machines {
        let state = match machine.state {
            MachineState::Active => "active",
            MachineState::Ready => "standby, ready",
            MachineState::NotReady => "standby, not ready",
            MachineState::Silent => "silent",
        };
        let notes = escaped(&machine.notes.join("; "));
        write!(html, "<tr><td>{}<td>{state}<td>{notes}</tr>", escaped(&machine.name))?;
    }
    html.push_str("</table>");
    Ok(())
}

fn services(view: &View, html: &mut String) -> core::fmt::Result {
    html.push_str(
        "<h2>Services</h2><table><tr><th>Service<th>Server<th>State<th>For<th>Why\
         <th class=\"number\">Connections</tr>",
    );
    for service in &view.services {
        for server in &service.servers {
            let since = match server.since {
                0 => String::new(),
                since => seconds(view.now.at.saturating_sub(since)),
            };
            write!(
                html,
                "<tr><td>{}<td>{}<td>{}<td>{since}<td>{}<td class=\"number\">{}</tr>",
                escaped(&service.name),
                escaped(&server.address),
                escaped(&server.word),
                escaped(&server.why),
                count(server.active)
            )?;
        }
    }
    html.push_str("</table>");
    Ok(())
}

fn drops(view: &View, html: &mut String) -> core::fmt::Result {
    html.push_str(
        "<h2>Dropped packets</h2><table><tr><th>Reason<th class=\"number\">Packets<th>What to do</tr>",
    );
    for drop in &view.drops {
        let packets = count(drop.packets);
        let meaning = escaped(&drop.meaning);
        write!(
            html,
            "<tr><td>{}<td class=\"number\">{packets}<td>{meaning} {}</tr>",
            escaped(&drop.reason),
            escaped(&drop.remedy)
        )?;
    }
    html.push_str("</table>");
    Ok(())
}

/// What comes from servers and files is text, whatever it looks like.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::view::{ServerView, ServiceView};
    use super::*;

    #[test]
    fn what_servers_say_is_text() {
        let why = "http: <script>alert('1')</script>".to_owned();
        let server = ServerView { why, ..ServerView::default() };
        let service = ServiceView { servers: vec![server], ..ServiceView::default() };
        let html = page(&View { services: vec![service], ..View::default() });
        assert!(html.contains("http: &lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"), "{html}");
        assert!(!html.contains("<script"), "{html}");
    }
}
