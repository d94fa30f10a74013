"""The program `postlink` of this machine, as a repository."""

def _postlink_program_impl(repository_ctx):
    program = repository_ctx.attr.path or repository_ctx.which("postlink")
    if not program:
        fail("postlink is not on PATH. Install it, or give each rule another program: `postlink = LABEL`.")
    repository_ctx.symlink(program, "postlink")
    repository_ctx.file("BUILD.bazel", 'exports_files(["postlink"])\n')

postlink_program = repository_rule(
    doc = "Finds postlink on PATH.",
    implementation = _postlink_program_impl,
    local = True,
    environ = ["PATH"],
    attrs = {"path": attr.string(doc = "The program, instead of the one on PATH.")},
)
