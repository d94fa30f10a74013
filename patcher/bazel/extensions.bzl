"""The program `postlink` of this machine, for MODULE.bazel."""

load("//:program.bzl", "postlink_program")

def _program_impl(_):
    postlink_program(name = "postlink_program")

program = module_extension(implementation = _program_impl)
