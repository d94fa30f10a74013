# What the outputs referred to before: other build derivations among it, which nothing was named for.
for graph in postlink-*; do
  while read -r path; do
    read -r deriver
    read -r count
    for ((; count > 0; count--)); do
      read -r reference
      case " $known " in
      *" $path "*) ;;
      *) continue ;;
      esac
      case " $known " in
      *" $reference "*) continue ;;
      esac
      case "$reference" in
      *-unspecialized*)
        echo "postlink: $path refers to $reference: name what is specialized of that in dependencies" >&2
        exit 1
        ;;
      esac
    done
  done <"$graph"
done
