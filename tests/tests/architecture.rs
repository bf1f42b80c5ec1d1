//! Checks a rule of ARCHITECTURE.md: no files of the product import each other in a cycle.
//!
//! It reads sources, and builds and runs nothing of them. Arrows are `use` declarations and paths;
//! a name that a module only hands on counts as an import of the file that defines it. What tests
//! alone use, and what stands inside the body of a macro, is not read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// The source directories of the crates that people run.
const SOURCES: [&str; 7] = [
    "client/src",
    "client/cli/src",
    "client/mls/src",
    "rendezvous-server/src",
    "shared/src",
    "shared/http/src",
    "shared/tor/src",
];

/// A module's path within its crate; the root has none.
type ModulePath = Vec<String>;

/// What one file imports and hands on.
#[derive(Default)]
struct Imports {
    paths: BTreeSet<Vec<String>>,
    /// By the name that is used here: what it stands for.
    names: BTreeMap<String, Vec<String>>,
    /// The same for names that others may import from here.
    exports: BTreeMap<String, Vec<String>>,
    /// How many modules within this file are around the item that is read.
    depth: usize,
}

impl Imports {
    fn read(source: &str) -> Result<Self> {
        let mut imports = Self::default();
        imports.visit_file(&syn::parse_file(source)?);
        Ok(imports)
    }

    fn add_tree(&mut self, before: &[String], tree: &UseTree, exported: bool) {
        let with = |name: &dyn ToString| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree, exported),
            UseTree::Name(name) if name.ident == "self" => {
                let name = before.last().cloned().unwrap_or_default();
                self.add_name(name, before.to_vec(), exported);
            }
            UseTree::Name(name) => {
                self.add_name(name.ident.to_string(), with(&name.ident), exported);
            }
            UseTree::Rename(rename) => {
                let path =
                    if rename.ident == "self" { before.to_vec() } else { with(&rename.ident) };
                self.add_name(rename.rename.to_string(), path, exported);
            }
            UseTree::Glob(_) => drop(self.paths.insert(before.to_vec())),
            UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.add_tree(before, item, exported));
            }
        }
    }

    fn add_name(&mut self, name: String, path: Vec<String>, exported: bool) {
        let path = self.seen_from_the_file(path);
        if exported {
            self.exports.insert(name.clone(), path.clone());
        } else {
            self.paths.insert(path.clone());
        }
        self.names.insert(name, path);
    }

    /// Within a module of the file, `super` is the file.
    fn seen_from_the_file(&self, mut path: Vec<String>) -> Vec<String> {
        let supers = path.iter().take_while(|segment| *segment == "super").count();
        path.drain(..supers.min(self.depth));
        if supers > 0 && supers <= self.depth {
            path.insert(0, "self".into());
        }
        path
    }
}

impl Visit<'_> for Imports {
    fn visit_item(&mut self, item: &Item) {
        if !attributes(item).iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &ItemMod) {
        self.depth += 1;
        visit::visit_item_mod(self, module);
        self.depth -= 1;
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        let exported = !matches!(item.vis, Visibility::Inherited);
        self.add_tree(&[], &item.tree, exported);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let segments = self.seen_from_the_file(segments);
        if segments.len() > 1 {
            self.paths.insert(segments);
        }
        visit::visit_path(self, path);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
}

/// A crate: what each of its files imports.
struct Crate(BTreeMap<ModulePath, Imports>);

impl Crate {
    fn read(directory: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        collect(directory, &mut vec![], &mut files)?;
        Ok(Self(files))
    }

    /// The file that a path leads to, seen from another file of the crate.
    fn file_of(&self, from: &ModulePath, path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let (mut module, rest): (ModulePath, &[String]) = match first.as_str() {
            "crate" => (vec![], rest),
            "self" => (from.clone(), rest),
            "super" => {
                let supers = path.iter().take_while(|segment| *segment == "super").count();
                (from[..from.len().checked_sub(supers)?].to_vec(), &path[supers..])
            }
            name if self.0.contains_key(&[from.as_slice(), &[name.to_owned()]].concat()) => {
                (from.clone(), path)
            }
            name => {
                let known = self.0.get(from)?.names.get(name)?;
                // A name that stands for itself is that of another crate.
                let is_foreign = known.first() == Some(first);
                let path = [known.as_slice(), rest].concat();
                return if is_foreign { None } else { self.file_of(from, &path) };
            }
        };

        let mut rest = rest.iter();
        let mut item = rest.next();
        while let Some(name) = item {
            module.push(name.clone());
            if !self.0.contains_key(&module) {
                module.pop();
                break;
            }
            item = rest.next();
        }
        let handed_on = item.and_then(|item| self.0.get(&module)?.exports.get(item));
        match handed_on {
            Some(path) => self.file_of(&module, path).or(Some(module)),
            None => Some(module),
        }
    }

    fn arrows(&self) -> BTreeMap<ModulePath, BTreeSet<ModulePath>> {
        let arrows = |(from, imports): (&ModulePath, &Imports)| {
            let paths = imports.paths.iter().filter_map(|path| self.file_of(from, path));
            (from.clone(), paths.filter(|to| to != from).collect())
        };
        self.0.iter().map(arrows).collect()
    }

    /// Files that lead back to themselves, each with the shortest way round.
    fn circles(&self) -> Vec<String> {
        let arrows = self.arrows();
        let circles = self.0.keys().filter_map(|file| way_back(&arrows, file));
        let show = |file: &ModulePath| if file.is_empty() { "lib".into() } else { file.join("/") };
        circles.map(|way| way.iter().map(show).collect::<Vec<String>>().join(" → ")).collect()
    }
}

fn collect(
    directory: &Path,
    module: &mut ModulePath,
    files: &mut BTreeMap<ModulePath, Imports>,
) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if name == "tests" || name == "bin" {
            continue;
        }
        let is_root = module.is_empty() && matches!(name.as_str(), "lib" | "main");
        if !is_root {
            module.push(name);
        }
        if path.is_dir() {
            collect(&path, module, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let imports = Imports::read(&fs::read_to_string(&path)?);
            let imports = imports.with_context(|| path.display().to_string())?;
            files.insert(module.clone(), imports);
        }
        if !is_root {
            module.pop();
        }
    }
    Ok(())
}

fn way_back(
    arrows: &BTreeMap<ModulePath, BTreeSet<ModulePath>>,
    start: &ModulePath,
) -> Option<Vec<ModulePath>> {
    let mut ways = std::collections::VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in arrows.get(way.last()?)? {
            let way = [way.as_slice(), std::slice::from_ref(next)].concat();
            if next == start {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push_back(way);
            }
        }
    }
    None
}

fn circles_of(files: [(&str, &str); 3]) -> Result<Vec<String>> {
    let read = |(path, source): (&str, &str)| {
        Ok((path.split('/').map(str::to_owned).collect(), Imports::read(source)?))
    };
    Ok(Crate(files.into_iter().map(read).collect::<Result<_>>()?).circles())
}

#[test]
fn no_file_of_the_product_imports_in_a_circle() -> Result<()> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the repository")?;
    for source in SOURCES {
        let all = Crate::read(&top.join(source))?;
        assert!(all.0.len() > 3, "{source} has files");
        let circles = all.circles();
        assert!(circles.is_empty(), "{source}:\n{}", circles.join("\n"));
    }
    Ok(())
}

#[test]
fn a_planted_circle_is_found() -> Result<()> {
    let store = "use crate::wire::codec::Error; pub struct Store;";
    let wire = "mod codec; pub use codec::Error;";
    let codec = "pub struct Error; fn read() { crate::store::Store; }";
    let circles = circles_of([("store", store), ("wire", wire), ("wire/codec", codec)])?;
    assert_eq!(circles, ["store → wire/codec → store", "wire/codec → store → wire/codec"]);

    // Seen through what a parent hands on, and from a module within the file.
    let store = "mod inner { use super::super::wire::Error; }";
    let circles = circles_of([("store", store), ("wire", wire), ("wire/codec", codec)])?;
    assert_eq!(circles.len(), 2);
    Ok(())
}

#[test]
fn a_name_handed_on_or_used_by_tests_makes_no_circle() -> Result<()> {
    let store = "use crate::wire::Error; pub struct Store;";
    let wire =
        "mod codec; pub use codec::Error; #[cfg(test)] mod checks { use crate::store::Store; }";
    let codec = "pub struct Error;";
    let circles = circles_of([("store", store), ("wire", wire), ("wire/codec", codec)])?;
    assert!(circles.is_empty(), "{circles:?}");
    Ok(())
}
