# Standard places: programs in bin and libexec, units, man pages, examples.
include(GNUInstallDirs)

# libexec: what people do not start by hand, and the demonstration's cast.
set(commands belfryd belfry)
set(parts belfry-spire-plugin belfry-demo-actor belfry-demo-foreign)
set(present)
foreach(name ${commands} ${parts})
  if(TARGET ${name})
    list(APPEND present ${name})
    if(name IN_LIST commands)
      install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    else()
      install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/belfry
                              LIBRARY DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/belfry)
    endif()
  endif()
endforeach()
# Everything but the tests.
add_custom_target(programs DEPENDS ${present})

install(FILES deploy/man/belfry.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES deploy/man/belfry.yaml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES deploy/man/belfryd.8 deploy/man/belfry-spire-plugin.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES deploy/belfry.yaml deploy/spire/agent.conf deploy/spire/ROLLOUT.md README.md LICENSE
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
# systemd reads /usr/lib/systemd and /usr/local/lib/systemd; lib is not lib64 or a multiarch folder there.
# The unit names the programs where they were installed.
file(READ deploy/systemd/belfryd.service unit)
string(REPLACE "/usr/bin/belfryd" "${CMAKE_INSTALL_FULL_BINDIR}/belfryd" unit "${unit}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/belfryd.service CONTENT "${unit}" @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/belfryd.service deploy/systemd/belfryd-attest.socket
              deploy/systemd/belfryd-admin.socket DESTINATION lib/systemd/system)
install(FILES deploy/systemd/belfry.sysusers DESTINATION lib/sysusers.d RENAME belfry.conf)
