//! Reads what Terraform says about a template and prints the workspace's resources as JSON.
//!
//! ```sh
//! terraform plan -out plan && terraform show -json plan > plan.json && terraform graph -type=plan > graph.dot
//! cargo run -p coder-examples --example terraform_resources -- --plan plan.json --graph graph.dot
//! ```
//!
//! With `--state state.json`, a state file or what `terraform show -json` prints of it, the resources are those
//! that exist; parameters and presets are always the plan's. Tokens of agents are printed, too.

use coder_provisioner::terraform::{
    graph::Graph,
    resources::convert,
    show::{from_show, from_state_file},
};
use std::{error::Error, fs, io::Write as _};

const USAGE: &str = "usage: terraform_resources --plan FILE --graph FILE [--state FILE]";

fn main() -> Result<(), Box<dyn Error>> {
    let (mut plan, mut graph, mut state) = (None, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let place = match name.as_str() {
            "--plan" => &mut plan,
            "--graph" => &mut graph,
            "--state" => &mut state,
            _ => return Err(USAGE.into()),
        };
        *place = Some(arguments.next().ok_or(USAGE)?);
    }
    let graph = Graph::parse(&fs::read_to_string(graph.ok_or(USAGE)?)?);
    let planned = from_show(&fs::read(plan.ok_or(USAGE)?)?)?;
    let mut converted = convert(&planned, &graph)?;
    if let Some(state) = state {
        let state = fs::read(state)?;
        let instances = match from_state_file(&state) {
            Some(instances) => instances,
            None => from_show(&state)?,
        };
        converted.resources = convert(&instances, &graph)?.resources;
    }
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &converted)?;
    Ok(writeln!(out)?)
}
