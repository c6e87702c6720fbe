# mpgc for ports that build with CMake (rp2, esp32, zephyr):
#
#     USER_C_MODULES=<mpgc>/micropython-patches/micropython.cmake
#
# The replaced C files stay in the port's lists, so that qstr and root pointer
# extraction read them, but are not compiled; one object with all the Rust is linked
# in their place. Variables, all optional: MPGC_TARGET, MPGC_PROFILE, MPGC_OPT_LEVEL, MPGC_CARGO,
# MPGC_BUILD_STD, MPGC_PYTHON_MODULE, MPGC_HARDENED, MPGC_NOSCAN (see mpgc.mk).

if(CMAKE_VERSION VERSION_LESS 3.20)
    message(FATAL_ERROR "mpgc: CMake ${CMAKE_VERSION} is too old: install 3.20 or newer")
endif()
if(NOT TARGET usermod OR NOT DEFINED MICROPY_PY_DIR)
    message(FATAL_ERROR "mpgc: give this file as USER_C_MODULES to a MicroPython port that builds with CMake")
endif()

if(NOT CMAKE_GENERATOR MATCHES "Ninja|Makefiles")
    message(FATAL_ERROR "mpgc: CMake's generator ${CMAKE_GENERATOR} does not tell how it compiles C: use -G Ninja or -G \"Unix Makefiles\"")
endif()
if(NOT CMAKE_OBJCOPY)
    message(FATAL_ERROR "mpgc: CMake found no objcopy: install the binutils of the port's compiler, or set CMAKE_OBJCOPY")
endif()

set(MPGC_PATCHES_DIR ${CMAKE_CURRENT_LIST_DIR})
get_filename_component(MPGC_DIR ${MPGC_PATCHES_DIR} DIRECTORY)
set(MPGC_BUILD ${CMAKE_BINARY_DIR}/mpgc)
# Linker scripts place gc.c by the end of its object's name: rp2 has it in RAM.
set(MPGC_CARRIER ${MPGC_BUILD}/carrier-gc.c${CMAKE_C_OUTPUT_EXTENSION})
foreach(_pair "MPGC_TARGET=" "MPGC_PROFILE=speed" "MPGC_OPT_LEVEL=" "MPGC_CARGO=" "MPGC_BUILD_STD=" "MPGC_HARDENED=" "MPGC_NOSCAN=")
    string(REGEX MATCH "^([A-Z_]+)=(.*)$" _pair "${_pair}")
    if(NOT DEFINED ${CMAKE_MATCH_1})
        set(${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
    endif()
endforeach()

# A module without sources: its name in the list of user modules tells that it is in.
add_library(usermod_mpgc INTERFACE)
target_link_libraries(usermod INTERFACE usermod_mpgc)
if(MPGC_PYTHON_MODULE)
    target_sources(usermod_mpgc INTERFACE ${MPGC_DIR}/src/host/module.c)
endif()

file(GLOB MPGC_REPLACED ${MICROPY_PY_DIR}/nlr*.c)
list(APPEND MPGC_REPLACED
    ${MICROPY_PY_DIR}/gc.c
    ${MICROPY_PY_DIR}/pystack.c
    ${MICROPY_PY_DIR}/scheduler.c
)
file(GLOB_RECURSE MPGC_SOURCES CONFIGURE_DEPENDS
    ${MPGC_DIR}/src/*.rs ${MPGC_DIR}/src/*.c ${MPGC_DIR}/src/*.h ${MPGC_DIR}/buildsrc/*.rs
)

# Runs when the port has made its target and all its lists.
function(mpgc_attach)
    set_source_files_properties(${MPGC_REPLACED} PROPERTIES HEADER_FILE_ONLY ON)

    # CMake writes down how it compiles each file of this target; mpgc is made with the command of one that every
    # port compiles without options of its own.
    set_property(TARGET ${MICROPY_TARGET} PROPERTY EXPORT_COMPILE_COMMANDS ON)
    set(_commands ${CMAKE_BINARY_DIR}/compile_commands.json)

    add_custom_command(
        OUTPUT ${MPGC_CARRIER}
        COMMAND ${Python3_EXECUTABLE} ${MPGC_PATCHES_DIR}/mpgc_build.py from-cmake
            ${_commands} ${MICROPY_TARGET} ${MICROPY_PY_DIR}/runtime.c ${MPGC_BUILD}/command
        COMMAND ${Python3_EXECUTABLE} ${MPGC_PATCHES_DIR}/mpgc_build.py carrier
            --crate ${MPGC_DIR} --work ${MPGC_BUILD} --output ${MPGC_CARRIER}
            --objcopy ${CMAKE_OBJCOPY} "--cargo=${MPGC_CARGO}" "--profile=${MPGC_PROFILE}" "--opt-level=${MPGC_OPT_LEVEL}"
            "--target=${MPGC_TARGET}" "--build-std=${MPGC_BUILD_STD}" "--hardened=${MPGC_HARDENED}" "--noscan=${MPGC_NOSCAN}"
            "--clear-on-sweep=${MPGC_CLEAR_ON_SWEEP}" "--heap-profiling=${MPGC_HEAP_PROFILING}" "--trace-marks=${MPGC_TRACE_MARKS}"
        DEPENDS
            ${_commands}
            ${MPGC_SOURCES}
            ${MPGC_PATCHES_DIR}/mpgc_build.py
            ${MPGC_PATCHES_DIR}/mpgc_rust.py
            ${MPGC_DIR}/Cargo.toml
            ${MPGC_DIR}/Cargo.lock
            ${MPGC_DIR}/build.rs
            ${MICROPY_QSTRDEFS_GENERATED}
            ${MICROPY_MODULEDEFS}
            ${MICROPY_ROOT_POINTERS}
        DEPFILE ${MPGC_BUILD}/carrier-gc.c.P
        WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
        COMMENT "RUST ${MPGC_CARRIER}"
        VERBATIM
    )
    set_source_files_properties(${MPGC_CARRIER} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    target_sources(${MICROPY_TARGET} PRIVATE ${MPGC_CARRIER})
endfunction()

cmake_language(DEFER CALL mpgc_attach)
