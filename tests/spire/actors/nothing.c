/* What generator execs. */
int main(void) { return 0; }
