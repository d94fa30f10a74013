//! Undeclared strings in images, and the symbols that are told with them.

use postlink_tests::Folder;
use serde_json::Value as Json;

/// An unnamed string was told as near to whatever the compiler had put before it.
#[test]
fn a_symbol_is_told_only_of_what_lies_in_it() {
    let folder = Folder::new();
    folder.write("named.cc", r#"extern const char named[] = "/opt/app/named";"#);
    folder.write("unnamed.cc", r#"const char *unnamed() { return "/opt/app/unnamed"; }"#);
    folder.run("g++ -O1 -shared -fPIC named.cc unnamed.cc -o app.so").ok();
    let run = folder.postlink("scan app.so --reference /opt/app --json");
    assert_eq!(run.code, 3, "{run:?}");
    let report: Json = serde_json::from_str(&run.stdout).expect("JSON");
    let findings = report["trees"][0]["findings"].as_array().expect("findings");
    let told = findings.iter().map(|one| (one["text"].as_str(), one["symbol"].as_str()));
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    let expected = [(Some("/opt/app/named"), Some("named")), (Some("/opt/app/unnamed"), None)];
    assert_eq!(told, expected, "{report:#}");
}
