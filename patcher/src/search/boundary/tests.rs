//! Texts, and how a path stands in each.

use super::*;

/// How `/opt/app` fits in a text, in which it stands once.
fn fit(text: &[u8]) -> Fit {
    let at = memchr::memmem::find(text, b"/opt/app").expect("a path");
    let (before, behind) = (&text[..at], &text[at + 8..]);
    let plain = Encoding::Plain;
    let each = (begins(before, plain), ends(behind, plain, |char| char == '/'));
    let fit = between(before, behind, plain, each);
    if let Ok(before) = str::from_utf8(before) {
        for encoding in Encoding::ALL {
            let wide = encoding.encode(before.as_bytes()).expect("a text");
            assert_eq!(begins(&wide, encoding), begins(before.as_bytes(), plain), "{before}");
        }
    }
    if let Ok(behind) = str::from_utf8(behind) {
        let is_slash = |char| char == '/';
        for encoding in Encoding::ALL {
            let wide = encoding.encode(behind.as_bytes()).expect("a text");
            assert_eq!(
                ends(&wide, encoding, is_slash),
                ends(behind.as_bytes(), plain, is_slash),
                "{behind}"
            );
        }
    }
    fit
}

#[test]
fn names_of_any_script_continue_a_path() {
    for text in ["/home/jürgen/opt/app/x", "/é/opt/app", "/e\u{301}/opt/app", "/домой/opt/app"]
    {
        assert_eq!(fit(text.as_bytes()), Fit::Inside, "{text}");
    }
    for text in
        ["siehe “/opt/app”", "安装到/opt/app", "在/usr、/opt/app", "a→/opt/app", "\u{feff}/opt/app"]
    {
        assert_eq!(fit(text.as_bytes()), Fit::Certain, "{text}");
    }
}

#[test]
fn what_makes_the_beginning_unclear() {
    for text in [
        "~/opt/app",
        "x=~user/opt/app",
        "$HOME/opt/app",
        "\"${HOME}\"/opt/app",
        "%h/opt/app",
        "/srv/%d/opt/app",
        "/srv/$x/opt/app",
        "/srv/${x:-y}/opt/app",
        "\"/srv/$x\"/opt/app",
        "$a/$b/opt/app",
        "/srv/*/opt/app",
        "/srv/a?/opt/app",
        "/a(b)/opt/app",
        "/a[b]/opt/app",
        "/a{b}/opt/app",
        "/my\\ folder/opt/app",
        "jar:/x.jar!/opt/app",
        "http://host:8080/opt/app",
        "host:80/opt/app",
        "http://[::1]/opt/app",
        "http://[::1]:80/opt/app",
        "http://a:b@host/opt/app",
        "http://$host/opt/app",
        "http://host:$port/opt/app",
        "me@host:/opt/app",
        "ssh://me@host:/opt/app",
        "me@host/opt/app",
        "s@/x@/opt/app",
    ] {
        assert_eq!(fit(text.as_bytes()), Fit::Unclear, "{text}");
    }
    assert_eq!(fit(b"/caf\xe9/opt/app"), Fit::Unclear);
}

#[test]
fn what_stands_before_a_path_of_its_own() {
    for text in [
        "-I/opt/app",
        "-Wl,-rpath,/opt/app",
        "PATH=/bin:/opt/app/bin",
        "/usr/lib:-L/opt/app",
        "file:///opt/app",
        "a@file:///opt/app",
        "\"/opt/app\"",
        "(/opt/app)",
        "x [/opt/app",
        "{/opt/app",
        "@/opt/app/args",
        "s@x@/opt/app",
        "prefix=/opt/app",
        "#!/opt/app/bin/sh",
        ">/opt/app/log",
        "!/opt/app",
        "&/opt/app",
        "/usr\0/opt/app",
        "/usr\\n/opt/app",
        "$DESTDIR/opt/app",
        "$DESTDIR//opt/app",
        "${D%/}/opt/app",
        "\"$x\"/opt/app",
        "{}/opt/app",
        "/opt/llvm@14:/opt/app",
        "$a:$b/opt/app",
        "*/opt/app",
        "host:/opt/app",
    ] {
        assert_eq!(fit(text.as_bytes()), Fit::Certain, "{text}");
    }
}

/// A literal of reST, and what GNU quotes, were taken for the output of a command.
#[test]
fn a_backquote_that_opens_ends_no_command() {
    for text in [
        "The files are in ``/opt/app/share`` by default.",
        "``/usr/a`` and ``/opt/app``",
        "(``/opt/app``)",
        "(`/opt/app`)",
        "`/usr/a' and `/opt/app'",
        "`a', `b' or `/opt/app'",
        "of two lines` and `/opt/app`",
        "`code` /opt/app",
        "``x'' and `/opt/app'",
        "[`x [`/opt/app`",
        "``\"/opt/app\"``",
    ] {
        assert_eq!(fit(text.as_bytes()), Fit::Certain, "{text}");
    }
    for text in [
        "`pwd`/opt/app",
        "\"`pwd`\"/opt/app",
        "x=`dirname \"$0\"`/opt/app",
        "`dirname $(x)`/opt/app",
        "`dirname $0 `/opt/app",
        "``x`` `pwd`/opt/app",
    ] {
        assert_eq!(fit(text.as_bytes()), Fit::Unclear, "{text}");
    }
}

/// `s@x@/opt/app@` was passed over, and `s#/x#/opt/app#` possible.
#[test]
fn both_sides_of_a_path_decide_together() {
    for text in [
        "s#/usr/local#/opt/app#",
        "s#/usr/local#/opt/app#g",
        "sed -e 's!/usr/local!/opt/app!;s!a!b!'",
        "s|/usr/local|/opt/app|",
        "s,/usr/local,/opt/app,",
        "s@PREFIX@/opt/app@g",
        "s@^/usr@/opt/app@",
        "s+PREFIX+/opt/app+",
        "s@PREFIX@/opt/app/lib@g",
        "\"/opt/app\"",
        "f(L\"x\" L\"/opt/app\"SUFFIX\"x\")",
        "/opt/app's name's",
        "'/opt/app'-x'",
    ] {
        assert_eq!(fit(text.as_bytes()), Fit::Certain, "{text}");
    }
    for text in [
        "_/opt/app_",
        "see __/opt/app__.",
        "(+/opt/app+)",
        "s@PREFIX@/opt/app@SUFFIX@",
        "ls /opt/app\"$S\"/x",
        "x=/opt/app\"-2\"",
        "/opt/app'-2'",
    ] {
        assert_eq!(fit(text.as_bytes()), Fit::Unclear, "{text}");
    }
    for text in ["_/opt/app_data_", "_/x/opt/app_", "/opt/app@2", "s@x@/opt/app-2@"] {
        assert_eq!(fit(text.as_bytes()), Fit::Inside, "{text}");
    }
}

#[test]
fn what_is_of_a_host_or_in_a_folder_in_quotes() {
    for text in ["s3://opt/app/x", "https://opt/app/x", "url(git+ssh://opt/app"] {
        assert_eq!(fit(text.as_bytes()), Fit::Inside, "{text}");
    }
    for text in [
        "$(pwd)/opt/app",
        "$PWD/opt/app",
        "\"/srv/foo\"/opt/app",
        "x='/srv/my foo/'/opt/app",
        "\"~\"/opt/app",
        "\"$x/foo\"/opt/app",
    ] {
        assert_eq!(fit(text.as_bytes()), Fit::Unclear, "{text}");
    }
    for text in [
        "file:///opt/app",
        "/usr/lib://opt/app",
        "L\"/opt/app\"",
        "\"/srv\" L\"/opt/app\"",
        "it isn't r'/opt/app'",
        "f(r'/usr', r'/opt/app')",
        "\"$x\"/opt/app",
        "\"/\"/opt/app",
    ] {
        assert_eq!(fit(text.as_bytes()), Fit::Certain, "{text}");
    }
}

/// An escaped `-` of groff, patterns and lists were taken for the end of the path.
#[test]
fn a_sign_behind_a_path_may_be_of_its_name() {
    for text in [
        r"/opt/app\-common",
        r"/opt/app\_data",
        r"/opt/app\.conf",
        r"/opt/app\ data",
        r"/opt/app\$suffix",
        r"/opt/app\x2ddata",
        r"/opt/app\u002ddata",
        r"/opt/app\055data",
        "/opt/app{suffix}",
        "/opt/app{}",
        "/opt/app{,-dev}",
        "/opt/app#{x}",
        "/opt/app[0-9]",
        "/opt/app?.txt",
        "/opt/app??",
        "/opt/app*-dev",
        "/opt/app.$NAME",
        "/opt/app.%s",
        "/opt/app.*",
        "/opt/app.{a,b}",
        "/opt/app.é",
        "/opt/app./x",
        "/opt/app&#45;data",
        "/opt/app&#x2d;data",
        "/opt/app@SUFFIX@/lib",
    ] {
        assert_eq!(fit(text.as_bytes()), Fit::Unclear, "{text}");
    }
    for text in [
        r"/opt/app\n",
        r"/opt/app\tx",
        r"/opt/app\0",
        r"/opt/app\000x",
        r"/opt/app\x00x",
        r"/opt/app\033[0m",
        "\"/opt/app\\\"",
        r"/opt/app\\",
        r"\fI/opt/app\fR",
        "/opt/app\\\n",
        "/opt/app}",
        "/opt/app]",
        "/opt/app{",
        "/opt/app{\n",
        "/opt/app { ",
        "/opt/app[ ",
        "/opt/app. It",
        "/opt/app?",
        "/opt/app? It",
        "/opt/app/?query",
        "/opt/app#top",
        "*/opt/app*.",
        "**/opt/app**",
        "/opt/app&quot;",
        "/opt/app&#39;",
        "/opt/app&#xA;",
        "/opt/app&&x",
    ] {
        assert_eq!(fit(text.as_bytes()), Fit::Certain, "{text}");
    }
}

#[test]
fn what_is_behind_a_path() {
    for text in [
        "/opt/app\u{301}".as_bytes(),
        b"/opt/app\xe9",
        b"/opt/app\x83\x65",
        "/opt/app\u{200b}".as_bytes(),
        b"/opt/app/../x",
        b"/opt/app/a/../../x",
        b"/opt/app/./..",
    ] {
        assert_eq!(fit(text), Fit::Unclear, "{}", String::from_utf8_lossy(text));
    }
    for text in [
        "/opt/app\u{a0}x",
        "/opt/app’s",
        "/opt/app，",
        "/opt/app»",
        "/opt/app│",
        "/opt/app/a/../x",
        "/opt/app/lib/gcc/x/12/../../../../lib",
        "/opt/app/...",
        "/opt/app/x:/y/../..",
    ] {
        assert_eq!(fit(text.as_bytes()), Fit::Certain, "{text}");
    }
}
