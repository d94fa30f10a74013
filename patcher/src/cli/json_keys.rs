//! The keys of the objects that `--json` prints, for the manual pages. A test compares them with what is
//! printed.

/// The place of an object in the whole, such as `images[].records[]`, empty for the whole; and its keys, in
/// several lists, which other objects share.
type Object = (&'static str, &'static [Keys]);

/// Keys, each with its meaning, as Markdown on one line.
type Keys = &'static [(&'static str, &'static str)];

/// What a command prints with `--json`; nothing, where it does not have the option.
pub(super) fn of(command: &str) -> &'static [Object] {
    match command {
        "fill" => &[
            ("", &[IMAGES, REFUSED]),
            ("images[]", &[PATH_OF_IMAGE, FILLED, RECORDS]),
            ("images[].records[]", &[RECORD]),
            ("images[].records[].fields[]", &[FIELD]),
            ("images[].error", &[ERROR]),
            ("error", &[ERROR]),
        ],
        "inspect" => &[
            ("", &[IMAGES]),
            ("images[]", &[PATH_OF_IMAGE, RECORDS]),
            ("images[].records[]", &[RECORD]),
            ("images[].records[].fields[]", &[FIELD]),
            ("images[].error", &[ERROR]),
        ],
        "verify" => &[
            ("", &[VERIFIED_IMAGES, VERIFIED_TREES, DIFFERENCES, REFUSED]),
            ("changed_values[]", &[CHANGED_VALUE]),
            ("changed[]", &[CHANGED]),
            ("changed[].changes[]", &[CHANGE, CHANGED_VALUE]),
            ("differences[]", &[DIFFERENCE]),
            ("error", &[ERROR]),
        ],
        "scan" => &[
            ("", &[SCANNED, REFUSED]),
            ("trees[]", &[SCANNED_TREE]),
            ("trees[].built_for[]", &[BUILT_FOR]),
            ("trees[].findings[]", &[FINDING]),
            ("trees[].unset[]", &[UNSET]),
            ("against", &[AGAINST]),
            ("against.differences[]", &[UNEXPLAINED]),
            ("error", &[ERROR]),
        ],
        "specialize" => &[
            ("", &[SPECIALIZED, REFUSED]),
            ("trees[]", &[SPECIALIZED_TREE]),
            ("trees[].changes[]", &[NOTES]),
            ("left[]", &[DESTINATION, FINDING]),
            ("standing[]", &[STANDING]),
            ("standing[].places[]", &[DESTINATION, FINDING]),
            ("error", &[ERROR]),
        ],
        _ => &[],
    }
}

const REFUSED: Keys = &[("error", "why the command was refused as a whole: then it stands alone")];
const ERROR: Keys = &[
    ("message", "the fault, as a sentence"),
    ("help", "the way out; empty where the message says it all"),
];
const IMAGES: Keys = &[("images", "the files, in the order of the command line")];
const PATH_OF_IMAGE: Keys = &[("path", "the file, as it was named")];
const FILLED: Keys = &[
    ("output", "the path of the filled file"),
    ("outcome", "`filled`, `unchanged`, or with `--dry-run` `planned`"),
    ("build_id", "the new build-id, with `--rewrite-build-id`; in hexadecimal digits"),
    ("debug_file", "the path of the debug file that has it too, with `--debug-file`"),
    ("warnings", "sentences about work that is left to you"),
];
const RECORDS: Keys =
    &[("records", "its records; empty if it was refused"), ("error", "why it was refused")];
const RECORD: Keys = &[
    ("member", "the member of a static library, or the processor of a part of a universal file"),
    ("section", "the section's name in the schema"),
    ("spelling", "the section's name in the file"),
    ("offset", "where the record begins, in bytes from the start of the file"),
    ("size", "the bytes of the whole record"),
    ("fingerprint", "of the schema: 64 hexadecimal digits"),
    ("state", "`generated` or `filled`"),
    ("fields", "the fields, in the order of the schema"),
];
const FIELD: Keys = &[
    ("name", "the field"),
    ("type", "its type, as a schema names it"),
    ("capacity", "the most bytes of a value"),
    ("max_items", "the most items of a list"),
    ("required", "whether it has no default"),
    ("default", "the default, if it is a value"),
    ("derived", "the default, if it follows other fields: its text; of a list, its texts"),
    ("pattern", "the regular expression that values match"),
    ("min", "the least integer"),
    ("max", "the greatest integer"),
    ("choices", "the names of an enum, or the allowed values"),
    ("from", "the source that its value is usually from, as a schema names it"),
    ("origin", "`unset`, `default`, `derived` or `set`"),
    (
        "value",
        "a string, number, boolean or array; of bytes, their hexadecimal digits; `null` if unset",
    ),
];
const VERIFIED_IMAGES: Keys = &[
    (
        "declared_bytes",
        "of two files: how many bytes of values differ, and of the defaults in a descriptor",
    ),
    (
        "rewritten_build_id",
        "of two files: whether the build-id differs, and follows from the content",
    ),
    (
        "changed_debug_link",
        "of two files: the name of the debug file whose checksum the filled one has, where that differs",
    ),
    (
        "following_bytes",
        "of two files: how many bytes differ that follow from these, in a signature or checksum",
    ),
    ("notes", "of two files: sentences about such a signature or checksum"),
    ("changed_values", "of two files: the fields whose value differs"),
    ("changed_defaults", "of two files: the names of fields whose default differs"),
];
const VERIFIED_TREES: Keys = &[
    ("rewrites", "of two trees: pairs of an old path and the new one"),
    ("identical", "of two trees: how many files are the same"),
    ("changed", "of two trees: entries that differ and may"),
];
const DIFFERENCES: Keys = &[("differences", "what differs and may not; empty if there is none")];
const CHANGED_VALUE: Keys = &[
    ("section", "the section's name in the schema"),
    ("field", "the field"),
    ("old", "what it was, as text, of a list `[\"one\", \"two\"]`; `null` if it had no value"),
    ("new", "what it is"),
];
const CHANGED: Keys = &[("path", "the entry, relative to the tree"), ("changes", "its changes")];
const CHANGE: Keys = &[
    (
        "what",
        "`value`, `default`, `build-id`, `debug-link` (the checksum of a debug file), `following` (a signature or checksum), `runpath`, `loader`, `strings`, `text` or `link`",
    ),
    ("name", "of `debug-link`: the name of the debug file"),
    ("places", "of `strings` and `text`: in how many places"),
    ("bytes", "of `following`: how many bytes differ"),
    ("notes", "of `following`: sentences about it"),
];
const DIFFERENCE: Keys = &[
    ("path", "of two trees: the entry, relative to the tree"),
    ("region", "the header, table or section that it lies in"),
    ("offset", "where it begins, in bytes from the start of the original file"),
    ("bytes", "how many bytes differ"),
    ("line", "the line of a text, from 1"),
    ("reason", "what is wrong, as a sentence"),
];
const SCANNED: Keys = &[
    ("references", "the paths that were looked for"),
    ("note", "that nothing was looked for, in a sentence: then the command ends with 3"),
    ("trees", "the trees, in the order of the command line"),
    ("handled", "how many findings `specialize` does something about"),
    ("unhandled", "how many findings it does nothing about"),
    ("against", "the comparison with another build, with `--against`"),
];
const SCANNED_TREE: Keys = &[
    ("tree", "the path of the tree, as it was named"),
    ("files", "how many files it has; one with several names counts once"),
    ("bytes", "how many bytes these have"),
    ("built_for", "the paths that it was built for, if no `--reference` was given"),
    ("findings", "the findings, by kind, file and offset"),
    (
        "unset",
        "the values that records require and do not have: `specialize` needs a `--set` for each",
    ),
];
const UNSET: Keys = &[
    ("path", "the file, relative to its tree"),
    ("section", "the section's name in the schema"),
    ("field", "the field"),
];
const BUILT_FOR: Keys = &[("path", "the path"), ("places", "how many places name it")];
const FINDING: Keys = &[
    ("path", "the file, relative to its tree; empty where that is a single file"),
    (
        "kind",
        "`value`, `runpath`, `text`, `link`, `descriptor`, `string`, `loader`, `debug`, `signature`, `data`, `member`, `name`, `record`, `unread` or `special`",
    ),
    (
        "action",
        "what `specialize` does: `fill`, `rewrite-runpath`, `rewrite-loader`, `rewrite-text`, `rewrite-link`, `repack` or `none`",
    ),
    ("possible", "`true` where it may be a part of another path or word"),
    ("offset", "where it begins, in bytes: in the file, the member, the link's target or the name"),
    ("length", "how many bytes it has"),
    ("encoding", "`plain`, `UTF-16LE`, `UTF-16BE`, `UTF-32LE` or `UTF-32BE`"),
    ("reference", "which of the paths that were looked for: its position, from 0"),
    ("section", "the section of an image, or of a record"),
    ("field", "the field of a record"),
    ("symbol", "the symbol of an image, as `NAME+0xDISTANCE`"),
    ("line", "the line of a text, from 1"),
    ("member", "the member of an archive, behind those that it lies in"),
    ("packed", "`true` where the offset is in what a member unpacks to"),
    ("text", "the text around it, or what is wrong"),
    ("advice", "what to do where `specialize` does nothing"),
    ("entry", "the entry of a schema that would declare it, as TOML"),
];
const AGAINST: Keys = &[
    ("tree", "the path of the other build"),
    ("differing", "how many files, links and folders differ"),
    ("explained", "how often each explanation occurs: an object with the explanations as keys"),
    ("differences", "what nothing explains"),
];
const UNEXPLAINED: Keys = &[
    ("path", "the entry, relative to its tree; empty where that is a single file"),
    ("message", "what differs, as a sentence"),
    ("section", "the section of an image"),
    ("symbol", "the function or object of an image, as `NAME+0xDISTANCE`"),
    ("line", "the line of a text, from 1"),
    ("offset", "where it begins in the first tree's file, in bytes"),
    ("bytes", "how many bytes differ"),
    ("texts", "the text there, and the one in the other build"),
    ("advice", "what to do"),
];
const SPECIALIZED: Keys = &[
    (
        "outcome",
        "`specialized`, with `--dry-run` `planned`, or `left` if something of an old path is left",
    ),
    ("trees", "the trees, in the order of the command line"),
    ("left", "what is left of old paths"),
    ("standing", "where texts still have the old value of a field that was set"),
    ("warnings", "what the copies could not keep, and what is to be looked at, in sentences"),
];
const SPECIALIZED_TREE: Keys = &[
    ("source", "the path of the tree"),
    ("destination", "its final path"),
    ("files", "how many files it has"),
    ("bytes", "how many bytes these have"),
    ("changes", "what was changed"),
];
const NOTES: Keys = &[
    ("path", "the file, relative to its tree; empty where that is a single file"),
    ("notes", "its changes, in sentences"),
];
const DESTINATION: Keys = &[("destination", "the final path of the tree")];
const STANDING: Keys = &[
    ("field", "the field"),
    ("old", "its old value"),
    ("new", "its new value"),
    ("places", "where texts have the old one"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::finding::FindingKind;

    /// One of them was missing.
    #[test]
    fn all_kinds_of_findings_are_told() {
        let name = |kind: &FindingKind| {
            let json = serde_json::to_string(kind).expect("a word");
            format!("`{}`", json.trim_matches('"'))
        };
        let names: Vec<String> = FindingKind::ALL.iter().map(name).collect();
        let (last, others) = names.split_last().expect("kinds");
        let told = FINDING.iter().find(|(key, _)| *key == "kind").expect("the key");
        assert_eq!(told.1, format!("{} or {last}", others.join(", ")));
    }
}
