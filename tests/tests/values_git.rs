//! Values of a git repository: what git says of it, or a refusal; never an empty or a wrong one.

use postlink_tests::repository::Repository;

const SCHEMA: &str = r#"
[section.app.field]
text = { type = "string", capacity = 64, default = "" }
version = { type = "string", capacity = 64, default = "" }
commit = { type = "bytes", capacity = 32, default = "" }
date = { type = "string", capacity = 20, default = "" }
seconds = { type = "u64", default = 0 }
dirty = { type = "bool", default = false }
list = { type = "list<string>", capacity = 64, max_items = 4, default = [] }
"#;

/// What is said of a fill in `sources` with these options, which has to be refused without a change.
fn refused(here: &Repository, before: &str, options: &str) -> String {
    let library = here.folder.read("lib.so");
    let said = here.sh(&format!("{before}\npostlink fill $OLDPWD/lib.so --reset {options}"));
    assert!(here.folder.read("lib.so") == library, "{options}");
    said.fails(1)
}

#[test]
fn the_facts_are_what_git_says() {
    let here = Repository::with_library(SCHEMA);
    let git = |command: &str| here.sh(&format!("cd sources; git {command}")).ok().trim().to_owned();
    let fill = |options: &str| {
        here.sh(&format!("cd sources; postlink fill ../lib.so --reset {options}")).ok()
    };
    let text = |fact: &str| {
        fill(&format!("--git text={fact}"));
        here.field("text")
    };
    git("tag v1.2.0");
    git("commit --quiet --allow-empty --message two");
    for (fact, command) in [
        ("describe", "describe --tags --always --dirty"),
        ("commit", "rev-parse HEAD"),
        ("short", "rev-parse --short HEAD"),
        ("branch", "branch --show-current"),
    ] {
        assert_eq!(text(fact), git(command), "{fact}");
    }
    assert_eq!(text("version"), format!("1.2.0-1-g{}", text("short")));
    assert_eq!((&*text("date"), &*text("day")), ("2026-11-24T08:20:30Z", "2026-11-24"));
    assert_eq!(text("dirty"), "false");
    git("tag --annotate --message second 1.3.0");
    assert_eq!(text("tag"), "1.3.0");
    // Of several tags, git chooses one, as it says: the newest that is annotated.
    git("tag 1.3.0-rc1");
    let said = fill("--git text=tag");
    assert!(said.contains("git chooses one: `1.3.0` and `1.3.0-rc1`"), "{said}");
    assert_eq!(here.field("text"), git("describe --tags --exact-match"));
    git("tag --delete 1.3.0-rc1");
    git("tag main");
    assert_eq!(text("branch"), "main");
    git("tag --delete main");
    // A file that git does not know of changes nothing; one that it knows does.
    here.folder.write("sources/unknown", "x");
    let said = fill("--git version --git commit --git date --git seconds=date --git dirty");
    assert!(said.contains("`version` is `1.3.0`, by git:version of "), "{said}");
    let both =
        "`seconds` is `2026-11-24T08:20:30Z` (1795508430 seconds since 1970), by git:date of ";
    assert!(said.contains(both), "{said}");
    let fields = ["version", "commit", "date", "seconds", "dirty"].map(|field| here.field(field));
    let commit = git("rev-parse HEAD");
    assert_eq!(fields, ["1.3.0", &commit, "2026-11-24T08:20:30Z", "1795508430", "false"]);
    here.folder.write("sources/file", "changed");
    fill("--git version --git dirty --git text=describe");
    let fields = ["version", "dirty", "text"].map(|field| here.field(field));
    assert_eq!(fields, ["1.3.0-dirty", "true", &git("describe --tags --always --dirty")]);
    // An explicit value wins; the names of fields and facts are checked.
    fill("--git version --set version=5");
    assert_eq!(here.field("version"), "5");
    for (options, part) in [
        ("--git text", "does not say which fact of git `text` is"),
        ("--git text=verson", "did you mean `git:version`"),
        ("--git version --from version=git:commit", "`version` is to have two values"),
    ] {
        let said = here.sh(&format!("postlink fill lib.so {options}")).fails(2);
        assert!(said.contains(part), "{said}");
    }
    // What `from` in a schema does not take, the command line does not take either.
    git("tag --annotate --message hexadecimal 1234");
    for (options, part) in [
        ("--git commit=tag", "a field of type bytes does not take its value from `git:tag`"),
        ("--git list=tag", "a field of type list<string> does not take its value from `git:tag`"),
        ("--from list=env:PATH", "from `env:PATH`"),
    ] {
        let said =
            here.sh(&format!("cd sources; postlink fill ../lib.so --reset {options}")).fails(1);
        assert!(said.contains(part) && said.contains("is for `"), "{said}");
    }
    git("tag --delete 1234");
    let payload = "payload --image ../lib.so --section app --reset --output ../payload";
    here.sh(&format!("cd sources; postlink {payload} --git version")).ok();
    fill("--git version");
    let section = here.folder.read("payload");
    assert!(here.folder.read("lib.so").windows(section.len()).any(|bytes| bytes == section));
}

#[test]
fn what_git_cannot_say_is_refused() {
    let here = Repository::with_library(SCHEMA);
    here.sh("mkdir empty bin sources/unpacked; ln -s $(command -v postlink) bin/").ok();
    here.sh(
        "git init --quiet new; cp -a sources damaged; git clone --quiet --bare sources bare.git",
    )
    .ok();
    here.sh("cd sources; git tag release-1; git commit --quiet --allow-empty -m two; git tag v1.0.0; git commit --quiet --allow-empty -m three").ok();
    here.sh("git clone --quiet --depth 1 file://$PWD/sources shallow").ok();
    here.sh("git clone --quiet sources outer; cd outer; git submodule --quiet add ../sources part/sub; git commit --quiet -m sub; git submodule --quiet deinit part/sub").ok();
    here.sh("cd sources; git checkout --quiet --detach").ok();
    for (before, options, parts) in [
        ("PATH=$PWD/bin; cd .", "--git version", ["`git` is not on PATH", "install git"]),
        ("cd empty", "--git version", ["not a git repository", "--git-root"]),
        ("cd new", "--git commit", ["has no commit", "commit first"]),
        (
            "cd damaged; echo garbage > .git/packed-refs",
            "--git commit",
            ["unexpected line in .git/packed-refs: garbage", "see what git says"],
        ),
        ("cd new", "--git commit --git-root ../lib.so", ["lib.so is no folder", "--git-root"]),
        ("cd shallow", "--git text=describe", ["is shallow", "fetch --unshallow"]),
        ("cd shallow", "--git version", ["is shallow", "fetch-depth: 0"]),
        ("cd bare.git", "--git text=describe", ["is no work tree", "git:commit"]),
        ("cd sources/.git", "--git dirty", ["is no work tree", "--git-root"]),
        (
            "cd sources/unpacked; OLDPWD=$PWD/../..",
            "--git commit",
            ["has nothing in the folder", "--git-root"],
        ),
        (
            "cd outer",
            "--git commit --git-root part/sub",
            ["has nothing in the folder part/sub", "--git-root"],
        ),
        ("cd sources", "--git text=branch", ["at no branch", "--set"]),
        (
            "cd sources; git update-ref refs/other HEAD; git symbolic-ref HEAD refs/other; trap 'git checkout --quiet --detach main' EXIT",
            "--git text=branch",
            ["at no branch", "--set"],
        ),
        ("cd sources", "--git text=tag", ["no tag exactly matches", "get the tags"]),
        (
            "cd sources",
            "--git commit --git-root nowhere",
            ["cannot open nowhere", "check the path"],
        ),
        (
            "cd sources; git tag --annotate --message x v7.0.0; git update-ref refs/tags/v8.0.0 v7.0.0; git tag --delete v7.0.0 > $OLDPWD/log",
            "--git text=tag",
            ["the tag 'v8.0.0' is externally known as 'v7.0.0'", "git tag --annotate"],
        ),
        (
            "cd sources",
            "--git version",
            ["the tag 'v8.0.0' is externally known as 'v7.0.0'", "git tag --annotate"],
        ),
        (
            "cd sources; git tag --delete v8.0.0 > $OLDPWD/log; git checkout --quiet release-1",
            "--git version",
            ["`release-1`, is no version", "git:describe"],
        ),
        (
            "export GIT_TEST_ASSUME_DIFFERENT_OWNER=1; cd sources",
            "--git commit",
            ["dubious ownership", "safe.directory"],
        ),
        (
            "cd sources; git checkout --quiet v1.0.0; git update-ref -d refs/tags/v1.0.0; git update-ref -d refs/tags/release-1",
            "--git version",
            ["no value for `version`: git says of", "get the tags"],
        ),
    ] {
        let said = refused(&here, before, options);
        assert!(parts.iter().all(|part| said.contains(part)), "{before}: {said}");
    }
    // What can be known there is known.
    for folder in ["shallow", "bare.git", "outer/part"] {
        here.sh(&format!("lib=$PWD/lib.so; cd {folder}; postlink fill $lib --reset --git commit"))
            .ok();
    }
}

/// Whether files have changed is told of the commit that the other facts are of; and of a shallow clone
/// whatever is wrong with it.
#[test]
fn a_cause_is_the_one_that_it_is() {
    let here = Repository::with_library(SCHEMA);
    here.sh("mkdir bin").ok();
    let git = "#!/bin/sh\nPATH=${PATH#*:}\ncase \"$*\" in *status*) git commit --quiet --allow-empty -m more;; esac\nexec git \"$@\"\n";
    here.folder.write("bin/git", git);
    let said = refused(
        &here,
        "chmod +x bin/git; PATH=$PWD/bin:$PATH; cd sources",
        "--git commit --git dirty",
    );
    assert!(said.contains("has another commit than a moment ago"), "{said}");
    here.sh("git -C sources tag v1; git clone --quiet --depth 1 file://$PWD/sources shallow").ok();
    let git = "#!/bin/sh\nPATH=${PATH#*:}\ncase \"$*\" in *--exact-match*) echo fatal: broken >&2; exit 1;; esac\nexec git \"$@\"\n";
    here.folder.write("bin/git", git);
    let said = refused(&here, "PATH=$PWD/bin:$PATH; cd shallow", "--git version");
    assert!(said.contains(": broken") && !said.contains("is shallow"), "{said}");
}

/// An answer is one line of text, whatever program `git` is, and has to fit.
#[test]
fn answers_are_not_trusted() {
    let here = Repository::with_library(SCHEMA);
    here.sh("mkdir bin").ok();
    for (answer, part) in [
        ("printf 'a\\nb\\n'", "is not one line of UTF-8"),
        ("printf '\\377\\n'", "`\\xff`, is not one line of UTF-8"),
        ("printf 'a\\033[31m\\n'", "`a\\x1b[31m`, is not one line"),
        ("echo", "``, is not one line"),
        ("true", "``, is not one line"),
        ("head -c 65 /dev/zero | tr '\\0' 1", "the value has 65 bytes, the capacity is 64"),
        ("head -c 2000000 /dev/zero", "it said more than 1048576 bytes"),
        ("kill -9 $$", "signal: 9"),
    ] {
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *--short*) {answer};; *) PATH=${{PATH#*:}}; exec git \"$@\";; esac\n"
        );
        here.folder.write("bin/git", script);
        let said =
            refused(&here, "chmod +x bin/git; PATH=$PWD/bin:$PATH; cd sources", "--git text=short");
        assert!(said.contains(part), "{answer}: {said}");
    }
}

/// A repository that somebody else has configured names programs at every place where git would run them.
#[test]
fn nothing_of_a_repository_runs_and_nothing_in_it_changes() {
    let here = Repository::with_library(SCHEMA);
    here.sh("git init --quiet part; cd part; echo > a; git add a; git commit --quiet -m part").ok();
    here.sh("cd sources; git submodule --quiet add ../part part; git commit --quiet -m part; git tag -a -m 1 v1.0.0").ok();
    let evil = "for key in core.fsmonitor core.pager core.sshCommand core.editor core.askPass gpg.program \
                diff.external diff.x.textconv diff.x.command merge.x.driver log.showSignature; do \
                git config $key 'touch $OLDPWD/../ran; false'; done; git config log.showSignature true; \
                git config core.hooksPath .githooks; mkdir -p .githooks; \
                for hook in post-index-change reference-transaction post-checkout fsmonitor-watchman; do \
                printf '#!/bin/sh\\ntouch /marker/ran' > .githooks/$hook; chmod +x .githooks/$hook; done; \
                echo '* diff=x' > .git-attributes";
    let evil = evil.replace("$OLDPWD/../ran", &here.folder.path("ran").display().to_string());
    let evil = evil.replace("/marker/ran", &here.folder.path("ran").display().to_string());
    // Times that differ make git look into the files.
    here.sh(&format!("cd sources; {evil}; cd part; {evil}; touch -d 2001-01-01 a ../file")).ok();
    let state = "cd sources; find .git -type f | sort | xargs sha256sum; ls -li --time-style=full-iso .git/index";
    let before = here.sh(state).ok();
    let all = "--git version --git commit --git date --git dirty --git text=describe";
    here.sh(&format!("cd sources; postlink fill ../lib.so --reset {all}")).ok();
    assert_eq!((&*here.field("version"), &*here.field("dirty")), ("1.0.0", "false"));
    assert!(!here.folder.path("ran").exists());
    assert_eq!(here.sh(state).ok(), before);
    // A changed file of a submodule is one of the sources.
    here.sh("cd sources; echo changed > part/a; postlink fill ../lib.so --reset --git version")
        .ok();
    assert_eq!(here.field("version"), "1.0.0-dirty");
    assert!(!here.folder.path("ran").exists());
    // A filter would have to run: it is refused, also in a submodule, also where it is included.
    for filter in ["clean", "process"] {
        for folder in [".", "part"] {
            let set = format!(
                "cd sources/{folder}; git config --file $OLDPWD/more filter.x.{filter} 'touch x'; git config include.path $OLDPWD/more; cd $OLDPWD"
            );
            here.sh(&set).ok();
            let said = refused(&here, "cd sources", "--git dirty");
            assert!(said.contains(&format!("local: filter.x.{filter}")), "{said}");
            here.sh(&format!("rm more; git -C sources/{folder} config --unset include.path")).ok();
        }
    }
    // Without care they do run.
    here.sh("cd sources; touch -d 2002-02-02 part/a file; git status || true").ok();
    assert!(here.folder.path("ran").exists());
    // A `git` of the repository is not the user's.
    here.sh("cd sources; printf '#!/bin/sh\ntouch mine\n' > git; chmod +x git; cp git part/; for path in . '' bin/..; do PATH=\"$path:$PATH\" postlink fill ../lib.so --reset --git dirty --git-root .; done; ! ls mine part/mine").ok();
    // The user's own filters are the user's.
    here.sh("cd sources; GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=filter.x.clean GIT_CONFIG_VALUE_0=cat postlink fill ../lib.so --reset --git dirty").ok();
    assert_eq!(here.field("dirty"), "true");
}

/// Worktrees, submodules and `GIT_DIR` are what they are for git; `--git-root` says it whatever is set.
#[test]
fn which_repository_is_asked() {
    let here = Repository::with_library(SCHEMA);
    here.sh("git init --quiet part; cd part; mkdir -p src build; echo > src/a; git add src; git commit --quiet -m part; git tag 7.0.0").ok();
    here.sh("cd sources; git tag 1.0.0; git worktree add --quiet ../second; git submodule --quiet add ../part part; git commit --quiet -m part; git tag 2.0.0").ok();
    for (before, options, version) in [
        ("cd second", "", "1.0.0"),
        ("cd sources", "", "2.0.0"),
        ("cd sources/part/src; OLDPWD=$PWD/../../..", "", "7.0.0"),
        ("cd part/build; OLDPWD=$PWD/../..", "--git-root ..", "7.0.0"),
        ("export GIT_DIR=$PWD/part/.git GIT_WORK_TREE=$PWD/part; cd sources", "", "7.0.0"),
        (
            "export GIT_DIR=$PWD/part/.git GIT_INDEX_FILE=x; cd part",
            "--git-root ../sources",
            "2.0.0",
        ),
    ] {
        let said = here
            .sh(&format!("{before}\npostlink fill $OLDPWD/lib.so --reset --git version {options}"))
            .ok();
        assert_eq!(here.field("version"), version, "{before}");
        assert!(said.contains(&format!("`version` is `{version}`, by git:version of /")), "{said}");
    }
    // A changed file of a submodule counts also where the repository says that it is not to be looked at; one
    // that git does not know of does not.
    let ignored = "git config --file .gitmodules submodule.part.ignore all; git commit --quiet -am ignore; \
                git config submodule.part.ignore all; git config diff.ignoreSubmodules all; \
                test -z \"$(git status --porcelain --untracked-files=no)\"";
    here.sh(&format!("cd sources; echo changed > part/src/a; {ignored}; postlink fill ../lib.so --reset --git dirty")).ok();
    assert_eq!(here.field("dirty"), "true");
    here.sh("cd sources; git -C part checkout --quiet src/a; touch part/unknown; postlink fill ../lib.so --reset --git dirty").ok();
    assert_eq!(here.field("dirty"), "false");
}

/// The date of a commit is a moment, or refused.
#[test]
fn a_date_that_cannot_be_read_is_not_1970() {
    let here = Repository::with_library(SCHEMA);
    for (date, seconds) in [
        ("abc +0000", None),
        ("", None),
        ("-5 +0000", None),
        ("253402300800 +0000", None),
        ("99999999999999999999999 +0000", None),
        ("0 +0000", Some("0")),
        ("1700000000 +0100", Some("1700000000")),
    ] {
        here.sh(&format!(
            "cd sources; git update-ref HEAD $(git cat-file commit HEAD | sed 's/^committer .*/committer a <a@b> {date}/' | git hash-object --literally -t commit -w --stdin)"
        ))
        .ok();
        match seconds {
            None => {
                let said = refused(&here, "cd sources", "--git seconds=date");
                assert!(said.contains("is no moment from 1970 to 9999"), "{date}: {said}");
            }
            Some(seconds) => {
                here.sh("cd sources; postlink fill ../lib.so --reset --git seconds=date").ok();
                assert_eq!(here.field("seconds"), seconds);
            }
        }
    }
}
