@DOC@
[[nodiscard]] POSTLINK_ACCESSOR @TYPE@ @NAME@()@NOEXCEPT@;
/// The same, or nothing where `@NAME@()` would not return; `why` becomes the reason, or `none`.
[[nodiscard]] POSTLINK_ACCESSOR std::optional<@TYPE@> try_@NAME@(failure *why = nullptr) noexcept;
