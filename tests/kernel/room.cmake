find_library(URING uring REQUIRED)
target_link_libraries(kernel_test PRIVATE ${URING})
