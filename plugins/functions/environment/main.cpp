// moonbase-environment: where functions run. Started by the kernel with its socket as descriptor 3.
#include "spawner.hpp"

#include <sys/socket.h>

#include <cstdio>

int main() {
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(3, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_SEQPACKET) {
    std::fputs("moonbase-environment is started by moonbase, which gives it a socket as descriptor 3.\n", stderr);
    return 2;
  }
  moonbase::functions::run_spawner(3);
}
