bool is_specialized() noexcept
{
    return postlink_detail::is_filled();
}
