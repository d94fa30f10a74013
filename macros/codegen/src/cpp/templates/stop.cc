// Says what is wrong by one call of the system, from the stack, so that a child of vfork may stop.
[[noreturn]] void stop(const place &at, failure why)@NOEXCEPT@
{
    const bool missing = why == failure::missing;
    const char *const pieces[] = {
        "@START@", at.name,
        missing ? "@NO_VALUE@"
                : "@DAMAGED@",
        missing ? at.needed : at.name, "@END@"};
    // The longest of these sentences, and its newline.
    char sentence[@SIZE@];
    char *end = sentence;
    for (const char *piece : pieces)
        while (*piece != '\0')
            *end++ = *piece++;
@HOOK@
    *end++ = '\n';
#if defined(_WIN32)
    [[maybe_unused]] const auto written = ::_write(2, sentence, static_cast<unsigned>(end - sentence));
#else
    [[maybe_unused]] const auto written = ::write(2, sentence, static_cast<std::size_t>(end - sentence));
#endif
    std::abort();
}
