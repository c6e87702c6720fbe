# Included before project(), so that it can choose the compiler.

set(SDK_DIR ${CMAKE_CURRENT_LIST_DIR})
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m0plus)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
foreach(_language C ASM)
    set(CMAKE_${_language}_FLAGS_INIT "-mcpu=cortex-m0plus -mthumb")
endforeach()

# How the linker script finds the objects whose code is in RAM: by_name, or by_path, where objects
# end in .o.
set(SDK_PLACEMENT by_name CACHE STRING "by_name or by_path")
# CMake includes this in project(), after it has chosen the suffix.
set(CMAKE_USER_MAKE_RULES_OVERRIDE ${SDK_DIR}/${SDK_PLACEMENT}/objects.cmake)

# The libraries of the SDK: what uses them inherits headers, definitions, options, sources and the
# linker script.
macro(sdk_init)
    add_library(sdk_platform INTERFACE)
    # System headers: the port's -Wall -Werror is not meant for them.
    target_include_directories(sdk_platform SYSTEM INTERFACE ${SDK_DIR}/include)
    target_compile_definitions(sdk_platform INTERFACE SDK_CORES=2 "SDK_BOARD=\"qemu, for the RP2040\"")
    target_compile_options(sdk_platform INTERFACE
        -ffunction-sections -fdata-sections
        # Clang does not know this one, which stm32 has.
        -mfp16-format=ieee
        $<$<COMPILE_LANGUAGE:C>:-std=gnu11>
    )

    add_library(sdk_runtime INTERFACE)
    target_link_libraries(sdk_runtime INTERFACE sdk_platform m)
    target_sources(sdk_runtime INTERFACE ${SDK_DIR}/runtime.c)
    target_link_options(sdk_runtime INTERFACE
        -nostartfiles --specs=nano.specs -Wl,--gc-sections,--fatal-warnings,-Map=${CMAKE_BINARY_DIR}/firmware.map
        -L${SDK_DIR}/${SDK_PLACEMENT} -T ${SDK_DIR}/memory.ld
    )
endmacro()
