//! The dependency graph that `terraform graph` prints, in the DOT language.

use std::collections::{BTreeMap, BTreeSet};

/// Most edges that are read. Larger graphs are cut, and miss some relations.
const MAX_EDGES: usize = 1_000_000;

/// Who depends on whom.
///
/// Nodes are known by their names in the output; a resource's node by its label too: the address
/// without indexes. Inside they are numbered: a large template is walked thousands of times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    names: Vec<String>,
    depends_on: Vec<Vec<usize>>,
    dependents: Vec<Vec<usize>>,
    /// Nodes by label.
    nodes: BTreeMap<String, usize>,
}

/// Which way to walk along dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From a node to what depends on it.
    ToDependents,
    /// From a node to what it depends on.
    ToDependencies,
}

impl Graph {
    /// Reads the output of `terraform graph`. What is not understood is left out.
    #[must_use]
    pub fn parse(dot: &str) -> Self {
        let mut graph = Self::default();
        let mut numbers = BTreeMap::new();
        let mut edges = 0;
        for line in dot.lines() {
            let Some((from, rest)) = quoted(line.trim()) else {
                continue;
            };
            let rest = rest.trim_start();
            if let Some(to) = rest.strip_prefix("->") {
                let Some((to, _)) = quoted(to.trim_start()) else {
                    continue;
                };
                edges += 1;
                if edges > MAX_EDGES {
                    tracing::warn!("the graph of a template is cut at {MAX_EDGES} edges");
                    break;
                }
                let from = graph.node(&mut numbers, from);
                let to = graph.node(&mut numbers, to);
                graph.add_edge(from, to);
            } else if rest.starts_with('[') {
                graph.node(&mut numbers, from);
            }
        }
        for neighbours in graph.depends_on.iter_mut().chain(&mut graph.dependents) {
            neighbours.sort_unstable();
            neighbours.dedup();
        }
        graph
    }

    /// The labels that `wanted` accepts among those nearest to the resource with `label`, sorted.
    /// All of them are equally far away. The walk does not go on behind an accepted one.
    #[must_use]
    pub fn nearest(
        &self,
        label: &str,
        direction: Direction,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let Some(start) = self.nodes.get(label) else {
            return Vec::new();
        };
        let edges = match direction {
            Direction::ToDependents => &self.dependents,
            Direction::ToDependencies => &self.depends_on,
        };
        let mut seen = vec![false; self.names.len()];
        let mut level = vec![*start];
        see(&mut seen, *start);
        while !level.is_empty() {
            let mut next = Vec::new();
            let mut found = BTreeSet::new();
            for node in level.iter().filter_map(|node| edges.get(*node)).flatten() {
                if !see(&mut seen, *node) {
                    continue;
                }
                next.push(*node);
                let name = self.names.get(*node).map_or("", String::as_str);
                if let Some(label) = label_of(name).filter(|label| wanted(label)) {
                    found.insert(label);
                }
            }
            if !found.is_empty() {
                return found.into_iter().map(str::to_owned).collect();
            }
            level = next;
        }
        Vec::new()
    }

    /// The number of a node, a new one when the name is new.
    fn node(&mut self, numbers: &mut BTreeMap<String, usize>, name: String) -> usize {
        if let Some(number) = numbers.get(&name) {
            return *number;
        }
        let number = self.names.len();
        if let Some(label) = label_of(&name)
            && !self.nodes.contains_key(label)
        {
            self.nodes.insert(label.to_owned(), number);
        }
        self.names.push(name.clone());
        self.depends_on.push(Vec::new());
        self.dependents.push(Vec::new());
        numbers.insert(name, number);
        number
    }

    fn add_edge(&mut self, from: usize, to: usize) {
        for (edges, from, to) in [
            (&mut self.depends_on, from, to),
            (&mut self.dependents, to, from),
        ] {
            if let Some(neighbours) = edges.get_mut(from) {
                neighbours.push(to);
            }
        }
    }
}

/// Notes that a node was seen. Answers whether that is news.
fn see(seen: &mut [bool], node: usize) -> bool {
    seen.get_mut(node)
        .is_some_and(|seen| !std::mem::replace(seen, true))
}

/// The label of a node: `[root] module.m.t.n (expand)` stands for `module.m.t.n`. Nodes that
/// close a module or provider, or destroy something, stand for none.
fn label_of(node: &str) -> Option<&str> {
    let name = node.strip_prefix("[root] ").unwrap_or(node);
    match name.rsplit_once(" (") {
        None => Some(name),
        Some((label, "expand)")) => Some(label),
        Some(_) => None,
    }
}

/// Reads a quoted name at the beginning of `text`, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut letters = text.strip_prefix('"')?.char_indices();
    let mut name = String::new();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((name, text.get(at + 2..)?)),
            '\\' => name.push(letters.next()?.1),
            letter => name.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Terraform 1.11.4 prints with `-type=plan`.
    const PLAN: &str = r#"digraph {
	compound = "true"
	newrank = "true"
	subgraph "root" {
		"[root] module.m.terraform_data.c (expand)" [label = "module.m.terraform_data.c", shape = "box"]
		"[root] provider[\"terraform.io/builtin/terraform\"]" [label = "provider[\"terraform.io/builtin/terraform\"]", shape = "diamond"]
		"[root] terraform_data.a (expand)" [label = "terraform_data.a", shape = "box"]
		"[root] terraform_data.b (expand)" [label = "terraform_data.b", shape = "box"]
		"[root] var.x" [label = "var.x", shape = "note"]
		"[root] module.m (close)" -> "[root] module.m.terraform_data.c (expand)"
		"[root] module.m.terraform_data.c (expand)" -> "[root] module.m.var.i (expand)"
		"[root] module.m.var.i (expand)" -> "[root] module.m (expand)"
		"[root] module.m.var.i (expand)" -> "[root] terraform_data.b (expand)"
		"[root] provider[\"terraform.io/builtin/terraform\"] (close)" -> "[root] module.m.terraform_data.c (expand)"
		"[root] root" -> "[root] module.m (close)"
		"[root] root" -> "[root] provider[\"terraform.io/builtin/terraform\"] (close)"
		"[root] terraform_data.a (expand)" -> "[root] provider[\"terraform.io/builtin/terraform\"]"
		"[root] terraform_data.a (expand)" -> "[root] var.x"
		"[root] terraform_data.b (expand)" -> "[root] terraform_data.a (expand)"
	}
}"#;

    fn is_data(label: &str) -> bool {
        label.contains("terraform_data.")
    }

    #[test]
    fn walks_go_up_and_down_through_variables() {
        let graph = Graph::parse(PLAN);
        let up = |label| graph.nearest(label, Direction::ToDependents, is_data);
        let down = |label| graph.nearest(label, Direction::ToDependencies, is_data);
        assert_eq!(up("terraform_data.a"), ["terraform_data.b"]);
        assert_eq!(up("terraform_data.b"), ["module.m.terraform_data.c"]);
        assert!(up("module.m.terraform_data.c").is_empty());
        assert_eq!(down("module.m.terraform_data.c"), ["terraform_data.b"]);
        assert_eq!(up("var.x"), ["terraform_data.a"]);
        assert!(up("unknown").is_empty());
    }

    #[test]
    fn nearest_are_the_least_deep() {
        let dot = r#"
            "b" -> "agent"
            "a" -> "agent"
            "c" -> "a"
        "#;
        let graph = Graph::parse(dot);
        let wanted = |label: &str| label.len() == 1;
        assert_eq!(
            graph.nearest("agent", Direction::ToDependents, wanted),
            ["a", "b"]
        );
    }

    #[test]
    fn cycles_and_nonsense_end() {
        let graph = Graph::parse("\"a\" -> \"b\"\n\"b\" -> \"a\"\n\"a\" -> \n\"open\n->\n\"x\\");
        assert!(
            graph
                .nearest("a", Direction::ToDependents, |_| false)
                .is_empty()
        );
    }
}
