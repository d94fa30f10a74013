@TYPE@ @NAME@()@NOEXCEPT@
{
    return postlink_detail::get<@TYPE@>(postlink_detail::place_@NAME@);
}

std::optional<@TYPE@> try_@NAME@(failure *why) noexcept
{
    return postlink_detail::try_get<@TYPE@>(postlink_detail::place_@NAME@, why);
}
