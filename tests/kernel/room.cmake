find_library(URING uring REQUIRED)
# host: where a name is within its filesystem.
target_link_libraries(kernel_test PRIVATE ${URING} belfry_host)
