# Its actors are this program: what is not in the file need not be digested, which takes seconds under emulation.
target_link_options(daemon_test PRIVATE -Wl,--strip-debug)
