namespace Engine.Arm64.Processes;

/// <summary>Why a system call failed, with Linux's numbers (include/uapi/asm-generic/errno-base.h, errno.h) and names.</summary>
public enum Errno
{
    /// <summary>It did not fail.</summary>
    None = 0,

    /// <summary>EPERM.</summary>
    EPERM = 1,

    /// <summary>ENOENT.</summary>
    ENOENT = 2,

    /// <summary>EINTR.</summary>
    EINTR = 4,

    /// <summary>EIO.</summary>
    EIO = 5,

    /// <summary>E2BIG.</summary>
    E2BIG = 7,

    /// <summary>ENOEXEC.</summary>
    ENOEXEC = 8,

    /// <summary>EBADF.</summary>
    EBADF = 9,

    /// <summary>EAGAIN.</summary>
    EAGAIN = 11,

    /// <summary>ENOMEM.</summary>
    ENOMEM = 12,

    /// <summary>EACCES.</summary>
    EACCES = 13,

    /// <summary>EFAULT.</summary>
    EFAULT = 14,

    /// <summary>EBUSY.</summary>
    EBUSY = 16,

    /// <summary>EEXIST.</summary>
    EEXIST = 17,

    /// <summary>ENODEV.</summary>
    ENODEV = 19,

    /// <summary>EINVAL.</summary>
    EINVAL = 22,

    /// <summary>ETXTBSY.</summary>
    ETXTBSY = 26,

    /// <summary>EFBIG.</summary>
    EFBIG = 27,

    /// <summary>ENOSPC.</summary>
    ENOSPC = 28,

    /// <summary>EOVERFLOW.</summary>
    EOVERFLOW = 75,

    /// <summary>ELIBBAD.</summary>
    ELIBBAD = 80,

    /// <summary>EOPNOTSUPP.</summary>
    EOPNOTSUPP = 95,

    /// <summary>EHWPOISON.</summary>
    EHWPOISON = 133,
}
