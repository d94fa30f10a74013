# Build derivations among what the outputs referred to before, and among what that needs, which would stay:
# nothing was named for them, or what refers to them is not rewritten.
for graph in postlink-*; do
  stays=
  while read -r path; do
    read -r deriver
    read -r count
    rewritten=
    way="specialize that, too, and name it in dependencies, or build it against what is specialized"
    case "$path" in
    # It is told of where something refers to it.
    *-unspecialized*) way= ;;
    esac
    case " $known " in
    *" $path "*)
      rewritten=$known
      way="name what is specialized of that in dependencies"
      ;;
    esac
    for ((; count > 0; count--)); do
      read -r reference
      case " $rewritten " in
      *" $reference "*) continue ;;
      esac
      case "$reference" in
      *-unspecialized*)
        if [ -z "$way" ]; then continue; fi
        echo "postlink: $path refers to $reference: $way" >&2
        stays=1
        ;;
      esac
    done
  done <"$graph"
  if [ -n "$stays" ]; then exit 1; fi
done
