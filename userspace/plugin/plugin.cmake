# belfry-spire-plugin. Links kit, host, verdict and the protos only; fully static unless BELFRY_STATIC_PLUGIN is off.
belfry_room(plugin DEPS kit host verdict LIBS belfry_proto absl::time)

add_executable(belfry-spire-plugin plugin/main.cc)
set_target_properties(belfry-spire-plugin PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
if(NOT BELFRY_STATIC_PLUGIN)
  target_link_libraries(belfry-spire-plugin PRIVATE belfry_plugin)
  return()
endif()

# The shared libraries that the rooms name would be linked as well: so the archives are named as files, in one group,
# since gRPC's and abseil's archives need each other (spire-facts 4.6).
set(archives)
foreach(name grpc++_unsecure grpc_unsecure gpr address_sorting cares re2 z protobuf crypto)
  find_library(STATIC_${name} NAMES lib${name}.a)
  if(NOT STATIC_${name})
    message(FATAL_ERROR "linking belfry-spire-plugin statically: lib${name}.a is not there; install libgrpc++-dev "
                        "libprotobuf-dev libabsl-dev libc-ares-dev libre2-dev zlib1g-dev libssl-dev, or configure with "
                        "-DBELFRY_STATIC_PLUGIN=OFF")
  endif()
  list(APPEND archives ${STATIC_${name}})
endforeach()
# Part of gRPC or of protobuf in some releases, archives of their own in others.
foreach(name upb utf8_validity utf8_range)
  find_library(STATIC_${name} NAMES lib${name}.a)
  if(STATIC_${name})
    list(APPEND archives ${STATIC_${name}})
  endif()
endforeach()
get_filename_component(archive_dir ${STATIC_protobuf} DIRECTORY)
file(GLOB abseil ${archive_dir}/libabsl_*.a)

set(rooms belfry_plugin belfry_verdict belfry_host belfry_kit belfry_proto)
set(room_archives)
foreach(room ${rooms})
  list(APPEND room_archives $<TARGET_FILE:${room}>)
endforeach()
target_include_directories(belfry-spire-plugin PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
target_include_directories(belfry-spire-plugin SYSTEM PRIVATE
  $<TARGET_PROPERTY:belfry_proto,INTERFACE_INCLUDE_DIRECTORIES>)
add_dependencies(belfry-spire-plugin ${rooms})
# glibc warns about getaddrinfo in a static program: of no consequence on unix sockets, and noise in every build.
target_link_options(belfry-spire-plugin PRIVATE -static -s -Wl,--gc-sections -Wl,--no-warnings)
target_link_libraries(belfry-spire-plugin PRIVATE
  -Wl,--start-group ${room_archives} ${archives} ${abseil} -Wl,--end-group)
set_target_properties(belfry-spire-plugin PROPERTIES LINK_DEPENDS "${room_archives}")
