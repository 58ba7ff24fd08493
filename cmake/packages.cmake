# Every library that we use. Each is an imported target PkgConfig::NAME.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq>=4.3.4)
pkg_check_modules(CZMQ REQUIRED IMPORTED_TARGET libczmq>=4.2)
pkg_check_modules(ARGON2 REQUIRED IMPORTED_TARGET libargon2)
pkg_check_modules(MSGPACK REQUIRED IMPORTED_TARGET msgpack>=4.0)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)      # services only
pkg_check_modules(SQLCIPHER REQUIRED IMPORTED_TARGET sqlcipher) # client only, never both in one binary
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)      # JSON output and vector files
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)       # tests
