bool is_specialized() noexcept
{
    return postlink_detail::is_filled();
}

field_list fields() noexcept
{
    return {postlink_detail::every_field, @COUNT@};
}
