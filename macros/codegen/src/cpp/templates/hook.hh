namespace @HOOK_NAMESPACE@ {
/// Called where a field of section `@SECTION@` has no value, with the sentence that tells why. The
/// program defines it. It may throw; where it returns, the program is stopped with that sentence.
void @HOOK_NAME@(const char *section, const char *field, const char *sentence);
} // namespace @HOOK_NAMESPACE@

