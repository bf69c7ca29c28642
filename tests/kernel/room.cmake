find_library(URING uring REQUIRED)
# host: where a name is within its filesystem.
target_link_libraries(kernel_test PRIVATE ${URING} belfry_host)
# What the case `cost` of vmtests measures with, and beside.
add_executable(cost_empty ${CMAKE_CURRENT_LIST_DIR}/cost/empty.cc)
target_link_libraries(cost_empty PRIVATE belfry_kernel)
set_target_properties(cost_empty PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
add_executable(cost_meter ${CMAKE_CURRENT_LIST_DIR}/cost/meter.cc)
target_link_options(cost_meter PRIVATE -static)
set_target_properties(cost_meter PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
