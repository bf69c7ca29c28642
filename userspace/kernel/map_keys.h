// The keys of a map in the kernel that nobody wants any more.
#ifndef BELFRY_KERNEL_MAP_KEYS_H_
#define BELFRY_KERNEL_MAP_KEYS_H_

#include <bpf/bpf.h>

#include <vector>

namespace belfry::kernel {

// Collected first: a key that goes during the walk starts it anew. `is_wanted` takes a Key.
template <typename Key, typename IsWanted>
void DeleteUnwanted(int map_fd, IsWanted is_wanted) {
  std::vector<Key> old;
  Key key = {}, next = {};
  for (int error = bpf_map_get_next_key(map_fd, nullptr, &next); error == 0;
       error = bpf_map_get_next_key(map_fd, &key, &next)) {
    key = next;
    if (!is_wanted(key)) old.push_back(key);
  }
  for (const Key& gone : old) bpf_map_delete_elem(map_fd, &gone);
}

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_MAP_KEYS_H_
