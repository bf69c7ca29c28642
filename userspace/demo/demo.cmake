# The demo's cast: one program that plays agent, workload and impostor, and a library that plays foreign code.
file(GLOB actor_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/demo/actor/*.cc)
add_executable(belfry-demo-actor ${actor_sources})
target_link_libraries(belfry-demo-actor PRIVATE belfry_demo)
# Its digest is asked for in most scenes: what is not in the file need not be read.
target_link_options(belfry-demo-actor PRIVATE -Wl,--strip-debug)

# Loaded into the trusted program by LD_PRELOAD or by a foreign loader; it links nothing of ours.
add_library(belfry-demo-foreign MODULE ${CMAKE_CURRENT_SOURCE_DIR}/demo/foreign/announce.cc)
set_target_properties(belfry-demo-actor belfry-demo-foreign PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin PREFIX "")
