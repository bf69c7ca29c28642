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
install(FILES deploy/prometheus/belfry.rules.yml DESTINATION ${CMAKE_INSTALL_DOCDIR}/prometheus)
install(FILES deploy/grafana/belfry.json DESTINATION ${CMAKE_INSTALL_DOCDIR}/grafana)
# One reader of --help for every shell.
file(READ deploy/completions/words.awk BELFRY_WORDS)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS deploy/completions/words.awk)
foreach(shell bash zsh fish)
  configure_file(deploy/completions/belfry.${shell}.in ${PROJECT_BINARY_DIR}/completions/belfry.${shell} @ONLY)
endforeach()
set(completions ${PROJECT_BINARY_DIR}/completions)
# bash looks for a file of the command's own name.
foreach(name belfry belfryd)
  install(FILES ${completions}/belfry.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ${name})
  install(FILES ${completions}/belfry.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME ${name}.fish)
endforeach()
install(FILES ${completions}/belfry.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions RENAME _belfry)
# systemd reads /usr/lib/systemd and /usr/local/lib/systemd; lib is not lib64 or a multiarch folder there.
install(FILES deploy/systemd/belfryd.service deploy/systemd/belfryd-attest.socket deploy/systemd/belfryd-admin.socket
        DESTINATION lib/systemd/system)
# The unit names the daemon where it is installed, which `cmake --install --prefix` decides last.
install(CODE [[
  set(unit "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/lib/systemd/system/belfryd.service")
  file(READ "${unit}" text)
  string(REPLACE "/usr/bin/belfryd" "${CMAKE_INSTALL_PREFIX}/bin/belfryd" text "${text}")
  file(WRITE "${unit}" "${text}")
]])
install(FILES deploy/systemd/belfry.sysusers DESTINATION lib/sysusers.d RENAME belfry.conf)
