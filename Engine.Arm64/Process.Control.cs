// prctl as a program calls it, with registers (kernel/sys.c). The order of the checks is the kernel's.

using System.Text;
using Engine.Arm64.Exec;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>prctl.</content>
public sealed partial class Process
{
    private const int AreaNameBytesMax = 80; // ANON_VMA_NAME_MAX_LEN

    /// <summary>Calls prctl.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="option">What to do.</param>
    /// <param name="arg2">The second argument.</param>
    /// <param name="arg3">The third.</param>
    /// <param name="arg4">The fourth.</param>
    /// <param name="arg5">The fifth.</param>
    /// <returns>For PR_GET_THP_DISABLE 0 or 1; else success, or EINVAL, EPERM, EFAULT, and for names what <see cref="MemoryMap.SetName"/> gives.</returns>
    public SyscallResult Prctl(CpuId cpu, PrctlOption option, ulong arg2, ulong arg3, ulong arg4, ulong arg5) => option switch
    {
        PrctlOption.SetThpDisable => (arg3 | arg4 | arg5) == 0 ? SetThpDisable(arg2 != 0) : Errno.EINVAL,
        PrctlOption.GetThpDisable => (arg2 | arg3 | arg4 | arg5) == 0 ? SyscallResult.FromValue(Memory.State.IsThpDisabled != 0 ? 1UL : 0) : Errno.EINVAL,
        PrctlOption.SetMemory => SetMemory(cpu, arg2, new VirtAddr(arg3), arg4, arg5),
        PrctlOption.SetArea => arg2 == 0 ? SetAreaName(cpu, new VirtAddr(arg3), arg4, new VirtAddr(arg5)) : Errno.EINVAL,
        _ => Errno.EINVAL,
    };

    /// <summary>Names anonymous memory, or takes its name away (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME)), with the name at hand instead of in the process's memory.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">First byte; on a page boundary.</param>
    /// <param name="lengthBytes">Bytes; rounded up to pages.</param>
    /// <param name="name">At most 79 printable ASCII characters, none of <c>\ ` $ [ ]</c>; null for no name.</param>
    /// <returns>EINVAL for such a name; else what <see cref="MemoryMap.SetName"/> gives.</returns>
    public SyscallResult SetAreaName(CpuId cpu, VirtAddr address, ulong lengthBytes, string? name)
    {
        if (name is null)
        {
            return Memory.SetName(cpu, address, lengthBytes, AreaNames.None);
        }

        bool isValid = name.Length < AreaNameBytesMax && name.All(c => c is > '\x1f' and < '\x7f' && !"\\`$[]".Contains(c, StringComparison.Ordinal));
        return isValid ? Memory.SetName(cpu, address, lengthBytes, Machine.AreaNames.GetNumber(name)) : Errno.EINVAL;
    }

    // prctl_set_vma
    private SyscallResult SetAreaName(CpuId cpu, VirtAddr address, ulong lengthBytes, VirtAddr name)
    {
        if (name.Value == 0)
        {
            return SetAreaName(cpu, address, lengthBytes, null);
        }

        Errno errno = ReadUserString(cpu, name, AreaNameBytesMax, out byte[] text);
        return errno == Errno.None ? SetAreaName(cpu, address, lengthBytes, Encoding.Latin1.GetString(text)) : errno;
    }

    private SyscallResult SetThpDisable(bool isDisabled)
    {
        Memory.State.IsThpDisabled = isDisabled ? 1 : 0;
        return SyscallResult.Success;
    }

    // prctl_set_mm, for a kernel without CONFIG_CHECKPOINT_RESTORE
    private SyscallResult SetMemory(CpuId cpu, ulong field, VirtAddr address, ulong arg4, ulong arg5)
    {
        bool isAuxiliary = field == (ulong)PrctlMemoryField.AuxiliaryVector;
        if (arg5 != 0 || (arg4 != 0 && !isAuxiliary))
        {
            return Errno.EINVAL;
        }

        if (!Memory.Limits.IsAdmin)
        {
            return Errno.EPERM; // stands for CAP_SYS_RESOURCE
        }

        if (isAuxiliary)
        {
            return SetAuxiliaryVector(cpu, address, arg4);
        }

        if (address >= Memory.Options.TaskSize || address < Memory.Options.MinimumAddress || field is 0 or > (ulong)PrctlMemoryField.AuxiliaryVector)
        {
            return Errno.EINVAL;
        }

        MmStruct bounds = Memory.State;
        PrctlMemoryField which = (PrctlMemoryField)field;
        SetBound(ref bounds, which, address);
        bool isOnStack = which is PrctlMemoryField.StartStack or (>= PrctlMemoryField.ArgStart and <= PrctlMemoryField.EnvEnd);
        if (isOnStack && Memory.Areas.FindFrom(address).IsNone)
        {
            return Errno.EFAULT;
        }

        if (!AreValid(in bounds))
        {
            return Errno.EINVAL;
        }

        SetBound(ref Memory.State, which, address);
        return SyscallResult.Success;
    }

    // prctl_set_auxv: the last pair is always AT_NULL
    private SyscallResult SetAuxiliaryVector(CpuId cpu, VirtAddr address, ulong lengthBytes)
    {
        if (address.Value == 0 || lengthBytes > InitialStack.AuxiliaryBytesMax)
        {
            return Errno.EINVAL;
        }

        byte[] vector = new byte[InitialStack.AuxiliaryBytesMax];
        if (!TryReadUser(cpu, address, vector.AsSpan(0, (int)lengthBytes)))
        {
            return Errno.EFAULT;
        }

        space.AuxiliaryVector = InitialStack.TrimAuxiliary(vector);
        return SyscallResult.Success;
    }

    private static void SetBound(ref MmStruct mm, PrctlMemoryField field, VirtAddr address)
    {
        switch (field)
        {
            case PrctlMemoryField.StartCode:
                mm.StartCode = address;
                break;
            case PrctlMemoryField.EndCode:
                mm.EndCode = address;
                break;
            case PrctlMemoryField.StartData:
                mm.StartData = address;
                break;
            case PrctlMemoryField.EndData:
                mm.EndData = address;
                break;
            case PrctlMemoryField.StartStack:
                mm.StartStack = address;
                break;
            case PrctlMemoryField.StartBrk:
                mm.StartBrk = address;
                break;
            case PrctlMemoryField.Brk:
                mm.Brk = address;
                break;
            case PrctlMemoryField.ArgStart:
                mm.ArgStart = address;
                break;
            case PrctlMemoryField.ArgEnd:
                mm.ArgEnd = address;
                break;
            case PrctlMemoryField.EnvStart:
                mm.EnvStart = address;
                break;
            default:
                mm.EnvEnd = address;
                break;
        }
    }

    // validate_prctl_map_addr
    private bool AreValid(in MmStruct mm)
    {
        ReadOnlySpan<VirtAddr> all =
        [
            mm.StartCode, mm.EndCode, mm.StartData, mm.EndData, mm.StartBrk, mm.Brk, mm.StartStack, mm.ArgStart, mm.ArgEnd, mm.EnvStart, mm.EnvEnd,
        ];
        foreach (VirtAddr address in all)
        {
            if (address >= Memory.Options.TaskSize || address < Memory.Options.MinimumAddress)
            {
                return false;
            }
        }

        ulong used = unchecked((mm.Brk - mm.StartBrk) + (mm.EndData - mm.StartData));
        return mm.StartCode < mm.EndCode
            && mm.StartData <= mm.EndData
            && mm.StartBrk <= mm.Brk
            && mm.ArgStart <= mm.ArgEnd
            && mm.EnvStart <= mm.EnvEnd
            && (Memory.Limits.DataBytes == ResourceLimits.Infinity || used <= Memory.Limits.DataBytes);
    }
}
