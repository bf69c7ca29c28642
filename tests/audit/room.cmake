find_library(URING uring REQUIRED)
add_executable(audit_client ${CMAKE_CURRENT_LIST_DIR}/client/client.cc)
target_link_libraries(audit_client PRIVATE ${URING} Threads::Threads)
set_target_properties(audit_client PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
target_link_libraries(audit_test PRIVATE belfry_kernel belfry_kit nlohmann_json::nlohmann_json)
add_dependencies(audit_test audit_client belfry belfryd)

# By a command of its own: no flag of this build fits it. It needs no C library of 32 bits; where it cannot be made, tests
# that want it skip.
set(client32 ${PROJECT_BINARY_DIR}/tests/audit_client32)
set(client32_source ${CMAKE_CURRENT_LIST_DIR}/client32/client32.c)
set(make_client32 ${CMAKE_C_COMPILER} -m32 -Wall -Wextra -nostdlib -static -ffreestanding -fno-pic -fno-stack-protector
                  ${client32_source} -o)
execute_process(COMMAND ${make_client32} ${PROJECT_BINARY_DIR}/CMakeFiles/client32_check
                RESULT_VARIABLE no_client32 OUTPUT_QUIET ERROR_QUIET)
if(no_client32)
  message(STATUS "audit_client32 is left out: ${CMAKE_C_COMPILER} -m32 cannot make a static program")
  file(REMOVE ${client32})
else()
  add_custom_command(OUTPUT ${client32} COMMAND ${make_client32} ${client32} DEPENDS ${client32_source} VERBATIM)
  add_custom_target(client32 DEPENDS ${client32})
  add_dependencies(audit_test client32)
endif()
