target_link_libraries(deploy_test PRIVATE belfry_effect nlohmann_json::nlohmann_json)
# The built programs are asked what they take.
add_dependencies(deploy_test belfry belfryd)
