target_link_libraries(service_test PRIVATE belfry_kit)
add_executable(grpc_load ${CMAKE_CURRENT_LIST_DIR}/load/grpc_load.cc)
target_link_libraries(grpc_load PRIVATE PkgConfig::GRPCPP Threads::Threads)
set_target_properties(grpc_load PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
