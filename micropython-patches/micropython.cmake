# mpgc for ports that build with CMake (rp2, esp32, zephyr):
#
#     USER_C_MODULES=<mpgc>/micropython-patches/micropython.cmake
#
# The replaced C files stay in the port's lists, so that qstr and root pointer extraction read them,
# but are not compiled; one object with all the Rust is linked in their place. The variables that it
# takes are listed in options.txt. They may be variables of CMake or of the environment: make
# exports the variables of its command line, and a port's Makefile does not pass them to CMake.

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
# Linker scripts place gc.c by the end of its object's path (docs/porting.md): rp2 has it in RAM.
set(MPGC_CARRIER ${MPGC_BUILD}/py/gc.c${CMAKE_C_OUTPUT_EXTENSION})
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(MPGC_TOOL ${Python3_EXECUTABLE} ${MPGC_PATCHES_DIR}/mpgc_build.py)

# The options that CMake knows. Each build reads those of the environment again.
set(MPGC_GIVEN)
set(MPGC_OPTION_TABLE ${MPGC_PATCHES_DIR}/options.txt)
file(STRINGS ${MPGC_OPTION_TABLE} _options REGEX "^MPGC_")
foreach(_option IN LISTS _options)
    string(REGEX MATCH "^[A-Z_]+" _option "${_option}")
    if(DEFINED ${_option})
        list(APPEND MPGC_GIVEN "${_option}=${${_option}}")
    endif()
endforeach()

# These two options change the lists of sources. A build that finds them changed touches the file,
# and stops.
set(MPGC_AGAIN ${MPGC_BUILD}/again)
if(NOT EXISTS ${MPGC_AGAIN})
    file(WRITE ${MPGC_AGAIN} "")
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${MPGC_AGAIN} ${MPGC_OPTION_TABLE})
foreach(_option MPGC_PYTHON_MODULE MPGC_KEEP_C)
    execute_process(
        COMMAND ${MPGC_TOOL} options --environment --tell ${_option} ${MPGC_GIVEN}
        OUTPUT_VARIABLE _value ERROR_VARIABLE _wrong RESULT_VARIABLE _failed OUTPUT_STRIP_TRAILING_WHITESPACE
    )
    if(_failed)
        string(REPLACE "mpgc: error: " "mpgc: " _wrong "${_wrong}")
        message(FATAL_ERROR "${_wrong}")
    endif()
    set(_with_${_option} "${_value}")
    list(APPEND MPGC_CONFIGURED --configured "${_option}=${_value}")
endforeach()

# A module without sources: its name in the list of user modules shows that mpgc is included.
add_library(usermod_mpgc INTERFACE)
target_link_libraries(usermod INTERFACE usermod_mpgc)
if(_with_MPGC_PYTHON_MODULE)
    target_sources(usermod_mpgc INTERFACE ${MPGC_DIR}/src/host/module.c)
else()
    # its entries in the lists of qstrs and modules
    set(_headers ${CMAKE_BINARY_DIR}/genhdr)
    file(GLOB _remembered ${_headers}/*/*__src__host__module.c.*)
    if(_remembered)
        file(REMOVE ${_remembered} ${_headers}/qstr.i.last)
    endif()
endif()

file(GLOB MPGC_REPLACED ${MICROPY_PY_DIR}/nlr*.c)
list(APPEND MPGC_REPLACED
    ${MICROPY_PY_DIR}/pystack.c
    ${MICROPY_PY_DIR}/scheduler.c
)
if(NOT _with_MPGC_KEEP_C STREQUAL "gc")
    list(APPEND MPGC_REPLACED ${MICROPY_PY_DIR}/gc.c)
endif()
file(GLOB_RECURSE MPGC_SOURCES CONFIGURE_DEPENDS
    ${MPGC_DIR}/src/*.rs ${MPGC_DIR}/src/*.c ${MPGC_DIR}/src/*.h ${MPGC_DIR}/src/*.S
    ${MPGC_DIR}/buildsrc/*.rs ${MPGC_PATCHES_DIR}/mpgc_*.py ${MPGC_PATCHES_DIR}/targets/*.json
)

# Runs when the port has made its target and all its lists.
function(mpgc_attach)
    set_source_files_properties(${MPGC_REPLACED} PROPERTIES HEADER_FILE_ONLY ON)

    # CMake records the command that compiles each file of this target; mpgc uses that of a file
    # which every port compiles without special options.
    set_property(TARGET ${MICROPY_TARGET} PROPERTY EXPORT_COMPILE_COMMANDS ON)
    set(_commands ${CMAKE_BINARY_DIR}/compile_commands.json)

    # Each build checks; the files are written only when they change.
    add_custom_target(mpgc_options
        COMMAND ${MPGC_TOOL} options --environment --work ${MPGC_BUILD} --clone ${MPGC_DIR} --again ${MPGC_AGAIN} ${MPGC_CONFIGURED} ${MPGC_GIVEN}
        COMMAND ${MPGC_TOOL} from-cmake ${_commands} ${MICROPY_TARGET} ${MICROPY_PY_DIR}/runtime.c ${MPGC_BUILD}/command
        BYPRODUCTS ${MPGC_BUILD}/options ${MPGC_BUILD}/command
        WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
        VERBATIM
    )
    add_custom_command(
        OUTPUT ${MPGC_CARRIER}
        COMMAND ${MPGC_TOOL} carrier --crate ${MPGC_DIR} --work ${MPGC_BUILD} --py ${MICROPY_PY_DIR}
            --output ${MPGC_CARRIER} --objcopy ${CMAKE_OBJCOPY}
        DEPENDS
            mpgc_options
            ${MPGC_BUILD}/options
            ${MPGC_BUILD}/command
            ${MPGC_SOURCES}
            ${MPGC_OPTION_TABLE}
            ${MPGC_PATCHES_DIR}/known_files.txt
            ${MPGC_DIR}/Cargo.toml
            ${MPGC_DIR}/Cargo.lock
            ${MPGC_DIR}/build.rs
            ${MPGC_DIR}/buildsrc/Cargo.toml
            ${MICROPY_QSTRDEFS_GENERATED}
            ${MICROPY_MODULEDEFS}
            ${MICROPY_ROOT_POINTERS}
        DEPFILE ${MPGC_BUILD}/py/gc.c.P
        WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
        COMMENT "RUST ${MPGC_CARRIER}"
        VERBATIM
    )
    set_source_files_properties(${MPGC_CARRIER} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    target_sources(${MICROPY_TARGET} PRIVATE ${MPGC_CARRIER})
    # A program runs the linker, and names MPGC_PROFILE=size if the firmware does not fit.
    list(JOIN MPGC_TOOL "\" \"" _tool)
    set_property(TARGET ${MICROPY_TARGET} PROPERTY RULE_LAUNCH_LINK
        "\"${_tool}\" link --work \"${MPGC_BUILD}\" --"
    )
    add_custom_command(TARGET ${MICROPY_TARGET} POST_BUILD
        COMMAND ${MPGC_TOOL} linked --work ${MPGC_BUILD} --program $<TARGET_FILE:${MICROPY_TARGET}>
        VERBATIM
    )
endfunction()

cmake_language(DEFER CALL mpgc_attach)
