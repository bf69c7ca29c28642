# The rules are pure functions of a tree; they need no room of userspace/.
target_sources(house_test PRIVATE ${folder}/tree.cc ${folder}/rooms.cc ${folder}/files.cc ${folder}/words.cc)
